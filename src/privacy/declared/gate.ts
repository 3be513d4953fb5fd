import type { ColumnDeclaration } from "../declaration.ts";
import type { Recipient } from "../vocabulary.ts";
import { account, device, id, operational, retention, secretHash, usage } from "./shorthand.ts";

/** A table in a gate's own SQLite: the same questions as for a table of Postgres, with the end in words. */
export interface GateTableDeclaration {
  what: string;
  /** Until when a row stays; the gate deletes it itself. */
  keptUntil: string;
  /** The column that says whose row it is, or several where it is of each of them; null: the gate's tenant, as a whole. */
  subject: string | readonly string[] | null;
  holds: "honoured" | "ignored";
  recipients: readonly Recipient[];
  columns: Record<string, ColumnDeclaration>;
}

/** A gate keeps what it works with, and no evidence: what a hold is to keep is in Postgres by then. */
const working = { holds: "ignored", recipients: ["cloudflare"] } as const;

/** What a gate stores (`src/gate/sql.ts`), a tenant's or a nursery's: every table and column of its SQLite. */
export const GATE_INVENTORY: Record<string, GateTableDeclaration> = {
  meta: {
    what: "Which tenant the gate serves, its plan, status and limits; the salt of the day for callers without an id; the last calls that limits refused.",
    keptUntil: "the tenant's row in Postgres expires; a salt a day, refused calls an hour, and the gate wakes",
    subject: null,
    ...working,
    columns: { key: operational, value: account },
  },
  client: {
    what: "The SHA-256 of an instance's client secret and what the client registered (name, scopes, grants, redirects), or the tombstone of a revoked client. In a nursery: of clients that nobody has claimed.",
    keptUntil:
      "90 days after the instance was removed, or the tenant's row in Postgres expires; an unclaimed one until it is claimed, or 24 hours after it registered and the nursery wakes, which is once a day at least",
    subject: "instance_id",
    ...working,
    columns: {
      client_id: id,
      instance_id: id,
      secret_hash: secretHash,
      facts: account,
      claimed: account,
      heard: operational,
      revoked_at: account,
      expires_at: retention,
    },
  },
  forward: {
    what: "In a nursery: the gate of the tenant that claimed a client, whose id never changes. Where this is forgotten, whoever asks has it looked up in Postgres again while the instance is there.",
    keptUntil: "90 days later, and the nursery wakes, which is once a day at least",
    subject: "client_id",
    ...working,
    columns: { client_id: id, gate_id: id, expires_at: retention },
  },
  floor: {
    what: "Tokens of this subject that were issued before are refused, or a person's tokens of a lower generation.",
    keptUntil: "such tokens have expired: seven days and ten minutes later, of a key 90 days",
    subject: "subject",
    ...working,
    columns: { subject: id, before_ms: operational, reason: operational, expires_at: retention },
  },
  known_key: {
    what: "What was last looked up of a live API key or personal access token, by the SHA-256 of it: its id, tenant, person, name, permissions, restrictions and the countries of its use.",
    keptUntil: "the UTC hour ends and the gate wakes, any key is revoked or changed, or there is news of the tenant",
    subject: "key",
    ...working,
    columns: { key: secretHash, facts: account, calls_per_hour: account, expires_at: retention },
  },
  seen: {
    what: "The last day on which an instance pinged, and for an hour when, for its rate limit; the last hour in which an instance asked for a person's session or profile.",
    keptUntil: "that day, or hour, has ended and the gate wakes; when it pinged: an hour later, and the gate wakes",
    subject: ["instance_id", "person_id"],
    ...working,
    columns: { instance_id: id, person_id: id, kind: usage, bucket: usage, spent_at: operational },
  },
  journal: {
    what: "A ping, or that an instance asked for a person's session or profile in an hour, that Postgres does not have yet.",
    keptUntil: "it is flushed, seconds later",
    subject: ["instance_id", "person_id"],
    ...working,
    columns: {
      seq: operational,
      instance_id: id,
      person_id: id,
      kind: usage,
      bucket: usage,
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
    subject: "subject",
    ...working,
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
