import type { LogFields } from "../../core/log.ts";
import type { ColumnDeclaration } from "../declaration.ts";
import type { RetentionClassName, Window } from "../schedule.ts";
import type { Recipient } from "../vocabulary.ts";
import { attempt, id, operational, suspect } from "./shorthand.ts";

/** What is kept where neither Postgres nor a gate can delete it: the log, and copies that others make of our stores. */

/** Every field that a line of the log may carry: one more or one less than `LogFields` has does not compile. */
export const LOG_INVENTORY: Record<"level" | "event" | keyof LogFields, ColumnDeclaration> = {
  level: operational,
  event: operational,
  /** Given back to whoever asked, who may tell us. */
  requestId: suspect,
  route: operational,
  method: operational,
  status: operational,
  durationMs: operational,
  problem: attempt,
  job: operational,
  cron: operational,
  gateId: id,
  table: operational,
  count: operational,
  rows: operational,
  expired: operational,
  gone: operational,
  dead: operational,
  pending: operational,
  attempt: operational,
  errorName: operational,
  sqlState: operational,
};

export interface OutsideStore {
  what: string;
  /** Who keeps it. */
  keeper: Recipient;
  /** What it is a copy of; null: what it holds is declared by itself. */
  copyOf: "postgres" | "gates" | null;
  /** The class whose window it must keep to. */
  retention: RetentionClassName;
  /** How long it is kept unless whoever runs Ebb sets it otherwise, and at most. */
  kept: Window;
  atMost: Window;
  /** How the keeper makes it go. */
  ends: string;
}

const days = (count: number): Window => ({ unit: "day", count });
const copies = { retention: "outside-copies", kept: days(30), atMost: days(90) } as const;

/** Stores that the purge does not reach: the notice and each receipt say when what it deleted is gone from them too. */
export const OUTSIDE_STORES = {
  "neon-history": {
    what: "Point-in-time history of the database: every change of every row.",
    keeper: "neon",
    copyOf: "postgres",
    ...copies,
    ends: "what is older than the project's history retention can no longer be restored",
  },
  "durable-object-history": {
    what: "Point-in-time history of every gate's storage.",
    keeper: "cloudflare",
    copyOf: "gates",
    ...copies,
    ends: "bookmarks older than 30 days can no longer be restored",
  },
  "workers-logs": {
    what: "The log of the Worker: one JSON object a line, with the fields below.",
    keeper: "cloudflare",
    copyOf: null,
    retention: "outside-copies",
    kept: days(7),
    atMost: days(30),
    ends: "Workers Logs drops lines after its retention",
  },
  backups: {
    what: "Dumps of the database, where whoever runs Ebb makes any.",
    keeper: "neon",
    copyOf: "postgres",
    ...copies,
    ends: "whoever makes them deletes them; Ebb makes none",
  },
} as const satisfies Record<string, OutsideStore>;
