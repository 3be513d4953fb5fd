import { canonicalJson } from "../core/canonical-json.ts";
import type { Id } from "../core/id.ts";
import { OUTSIDE_STORES } from "./declared/outside.ts";
import type { DeclaredTable } from "./inventory.ts";
import { expiry, SCHEDULE, windowText } from "./schedule.ts";

export interface DroppedPartition {
  name: string;
  /** The expiries that it could hold: from this instant, inclusive, to that, exclusive. */
  from: string;
  to: string;
  rows: number;
}

/** What one run of the purge did to one table. All instants are the database's, in ms since 1970. */
export interface PurgeFacts {
  id: Id<"purgeReceipt">;
  /** A uuid; all receipts of one run share it. */
  run: string;
  beganAtMs: number;
  endedAtMs: number;
  /** Rows deleted, those of dropped partitions included. */
  deleted: number;
  anonymised: number;
  /** Rows that are due and to which another still refers; a later run takes them. */
  blocked: number;
  partitions: readonly DroppedPartition[];
  /** The earliest and the latest expiry of what was deleted or anonymised; null where nothing had one. */
  expiries: { fromMs: number; toMs: number } | null;
  /** For how long the oldest row had been due before, and after; null where nobody could look. What is held is not due. */
  overdueBeforeMs: number | null;
  overdueAfterMs: number | null;
  /** False where the run's time was up, or an error ended it, before everything due was gone. */
  finished: boolean;
  /** The run died and a later one wrote this down for it. */
  interrupted: boolean;
  /** SQLSTATEs or names of errors, in the order in which they came. */
  errors: readonly string[];
}

const iso = (ms: number) => new Date(ms).toISOString();
const seconds = (ms: number | null) => (ms === null ? null : Math.floor(ms / 1000));

/**
 * The receipt as canonical JSON (RFC 8785), so that whoever hashes or signs it and whoever checks that have one text.
 * It holds counts and instants, and nothing of anybody's data. Point-in-time history still has copies of what was
 * deleted: it says when those are gone too.
 */
export function purgeReceipt(
  { table, retention }: Pick<DeclaredTable, "table" | "retention">,
  facts: PurgeFacts,
): string {
  const { expiries, partitions } = facts;
  return canonicalJson({
    receipt: "purge",
    version: 1,
    id: facts.id,
    run: facts.run,
    table,
    class: retention,
    window: windowText(SCHEDULE[retention].window),
    began_at: iso(facts.beganAtMs),
    ended_at: iso(facts.endedAtMs),
    deleted: facts.deleted,
    anonymised: facts.anonymised,
    blocked: facts.blocked,
    partitions: partitions.map(({ name, from, to, rows }) => ({ name, from, to, rows })),
    expiries: expiries === null ? null : { from: iso(expiries.fromMs), to: iso(expiries.toMs) },
    overdue_before_s: seconds(facts.overdueBeforeMs),
    overdue_after_s: seconds(facts.overdueAfterMs),
    finished: facts.finished,
    interrupted: facts.interrupted,
    errors: [...facts.errors],
    copies_gone_at: iso(expiry(facts.endedAtMs, OUTSIDE_STORES["neon-history"].kept)),
  });
}
