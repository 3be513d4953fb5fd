import type { Id } from "../core/id.ts";
import { journalExpiresAt } from "../telemetry/bucket.ts";
import { DataError, type EventRow, type Ingest } from "../telemetry/ingest.ts";
import type { FlushReport } from "./protocol.ts";
import type { GateStore, JournalRow } from "./store.ts";

/** Rows that one statement carries. */
export const BATCH = 1_000;
/** Dead letters that one gate may write in one flush. */
const DEAD_LETTERS = 100;
/** `expires_at` is not what the database's schedule says (drizzle/…_policies.sql). */
const NOT_THE_SCHEDULE = "EB001";
/** A dead letter's body is cut here. */
const BODY_LENGTH = 2_000;

export interface FlushTarget {
  gateId: string;
  tenantId: Id<"tenant">;
}

/**
 * Carries the journal to Postgres, oldest first, until what is left fills no batch or Postgres fails. A row leaves the journal only
 * after the statement that took it was acknowledged; when the acknowledgement is lost the row is sent again, and counted
 * as repeated. A batch that Postgres refuses for its data is halved until the row at fault stands alone, which goes to
 * the dead letters: one impossible value never holds up the others.
 */
export async function flushJournal(store: GateStore, ingest: Ingest, target: FlushTarget): Promise<FlushReport> {
  const flush = new Flush(store, ingest, target);
  // While batches are full. What comes in meanwhile shares the next flush: else a steady trickle would be carried a
  // handful of rows at a time, for ever.
  try {
    for (let full = true; full; ) {
      const rows = store.batch(BATCH);
      if (rows.length > 0) await flush.carry(rows);
      full = rows.length === BATCH;
    }
  } finally {
    await flush.settle();
  }
  return { ...flush.report, pending: store.pending() };
}

class Flush {
  readonly report = { recorded: 0, repeated: 0, expired: 0, gone: 0, dead: 0 };
  readonly #store: GateStore;
  readonly #ingest: Ingest;
  readonly #target: FlushTarget;
  /** Dead letters that no heartbeat has told of yet. */
  #untold = 0;

  constructor(store: GateStore, ingest: Ingest, target: FlushTarget) {
    this.#store = store;
    this.#ingest = ingest;
    this.#target = target;
  }

  async carry(rows: readonly JournalRow[]): Promise<void> {
    try {
      await this.#send(rows);
    } catch (error) {
      const refused = refusal(error);
      if (refused === null) throw error;
      if (refused === NOT_THE_SCHEDULE) {
        // The schedule changed between journal and flush. What Postgres then still refuses is no fault of the rows.
        await this.#send(rows.map((row) => ({ ...row, expires_at: journalExpiresAt(row.kind, row.bucket) })));
      } else if (rows.length > 1) {
        const half = Math.ceil(rows.length / 2);
        await this.carry(rows.slice(0, half));
        await this.carry(rows.slice(half));
        return;
      } else {
        await this.#bury(rows[0] as JournalRow, refused);
      }
    }
    this.#store.flushed((rows.at(-1) as JournalRow).seq);
  }

  async #bury(row: JournalRow, reason: string): Promise<void> {
    // So many at once are no accident of a row: the rest stays in the journal, and somebody is told.
    if (this.report.dead === DEAD_LETTERS) throw new Error("too many rows refused in one flush");
    await this.#ingest.bury({ ...this.#target, reason, body: JSON.stringify(row).slice(0, BODY_LENGTH) });
    this.report.dead += 1;
    this.#untold += 1;
  }

  /** Leaves a heartbeat that tells of the last dead letters, if none has. */
  async settle(): Promise<void> {
    // What ended the flush is what is reported, not that this failed with it.
    if (this.#untold > 0) await this.#send([]).catch(() => undefined);
  }

  async #send(rows: readonly JournalRow[]): Promise<void> {
    const counts = await this.#ingest.flush({
      ...this.#target,
      rows: rows.map(eventRow),
      pending: Math.max(0, this.#store.pending() - rows.length),
      dead: this.#untold,
    });
    this.#untold = 0;
    for (const key of ["recorded", "repeated", "expired", "gone"] as const) this.report[key] += counts[key];
  }
}

/** The SQLSTATE with which a row was refused for good; null for anything that may pass. */
function refusal(error: unknown): string | null {
  if (error instanceof DataError) return error.sqlState;
  // A malformed id is refused here, before Postgres could.
  return error instanceof RangeError ? "22P02" : null;
}

function eventRow(row: JournalRow): EventRow {
  return {
    instanceId: row.instance_id as Id<"instance">,
    personId: row.person_id as Id<"person"> | null,
    kind: row.kind,
    bucket: row.bucket,
    expiresAt: row.expires_at,
    osKind: row.os_kind,
    osName: row.os_name,
    osVersion: row.os_version,
  };
}
