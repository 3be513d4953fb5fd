import type { ColumnDeclaration } from "../declaration.ts";
import { account, device, id, operational, retention, secretHash, usage } from "./shorthand.ts";

/** A table in a gate's own SQLite: the same questions as for a table of Postgres, with the end in words. */
export interface GateTableDeclaration {
  what: string;
  /** Until when a row stays; the gate deletes it itself. */
  keptUntil: string;
  columns: Record<string, ColumnDeclaration>;
}

/** What a tenant's gate stores (`src/gate/sql.ts`): every table and column of its SQLite. */
export const GATE_INVENTORY: Record<string, GateTableDeclaration> = {
  meta: {
    what: "Which tenant the gate serves, its plan, status and limits; the salt of the day for callers without an id; the last calls that limits refused.",
    keptUntil: "the tenant is forgotten; a salt a day, refused calls an hour, and the gate wakes",
    columns: { key: operational, value: account },
  },
  client: {
    what: "The SHA-256 of an instance's client secret, or the tombstone of a removed client.",
    keptUntil: "90 days after the instance was removed",
    columns: {
      client_id: id,
      instance_id: id,
      secret_hash: secretHash,
      scope: account,
      revoked_at: account,
      expires_at: retention,
    },
  },
  floor: {
    what: "Tokens of this subject that were issued before are refused.",
    keptUntil: "such tokens have expired, 70 minutes later",
    columns: { subject: id, before_ms: operational, reason: operational, expires_at: retention },
  },
  seen: {
    what: "The last day on which an instance pinged, and when, for its rate limit.",
    keptUntil: "that day has ended and the gate wakes",
    columns: { instance_id: id, kind: usage, bucket: usage, spent_at: operational },
  },
  journal: {
    what: "A ping that Postgres does not have yet.",
    keptUntil: "it is flushed, seconds later",
    columns: {
      seq: operational,
      instance_id: id,
      kind: usage,
      bucket: usage,
      received_at: usage,
      expires_at: retention,
      os_kind: device,
      os_name: device,
      os_version: device,
      spent_at: operational,
    },
  },
  spent: {
    what: "Admissions that a rate limit still counts.",
    keptUntil: "their window has passed and the gate wakes",
    columns: {
      policy: operational,
      subject: id,
      seq: operational,
      opened_at: operational,
      stamps: usage,
      reserved: operational,
      lapses_at: operational,
      expires_at: retention,
    },
  },
};
