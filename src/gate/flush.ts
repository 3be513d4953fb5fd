import type { Id } from "../core/id.ts";
import { DataError, type Ingest, type PingRow } from "../telemetry/ingest.ts";
import type { FlushReport } from "./protocol.ts";
import type { GateStore, JournalRow } from "./store.ts";

/** Rows that one statement carries. */
export const BATCH = 1_000;
/** Dead letters that one gate may write in one flush; beyond them rows are counted only. */
const DEAD_LETTERS = 100;
/** A dead letter's body is cut here. */
const BODY_LENGTH = 2_000;

export interface FlushTarget {
  gateId: string;
  tenantId: Id<"tenant">;
}

/**
 * Carries the journal to Postgres, oldest first, until it is empty or Postgres fails. A row leaves the journal only
 * after the statement that took it was acknowledged; when the acknowledgement is lost the row is sent again, and counted
 * as repeated. A batch that Postgres refuses for its data is halved until the row at fault stands alone, which goes to
 * the dead letters: one impossible value never holds up the others.
 */
export async function flushJournal(store: GateStore, ingest: Ingest, target: FlushTarget): Promise<FlushReport> {
  const report: FlushReport = { recorded: 0, repeated: 0, expired: 0, gone: 0, dead: 0, pending: 0 };
  for (;;) {
    const rows = store.batch(BATCH);
    const last = rows.at(-1);
    if (last === undefined) break;
    await flushRows(rows, store, ingest, target, report);
  }
  report.pending = store.pending();
  return report;
}

async function flushRows(
  rows: readonly JournalRow[],
  store: GateStore,
  ingest: Ingest,
  target: FlushTarget,
  report: FlushReport,
): Promise<void> {
  const last = (rows.at(-1) as JournalRow).seq;
  try {
    const counts = await ingest.flush({
      ...target,
      rows: rows.map(pingRow),
      pending: Math.max(0, store.pending() - rows.length),
      dead: report.dead,
    });
    report.recorded += counts.recorded;
    report.repeated += counts.repeated;
    report.expired += counts.expired;
    report.gone += counts.gone;
  } catch (error) {
    // A malformed id is refused here, before Postgres could.
    const refused = error instanceof DataError ? error.sqlState : error instanceof RangeError ? "22P02" : null;
    if (refused === null) throw error;
    if (rows.length > 1) {
      const half = Math.ceil(rows.length / 2);
      await flushRows(rows.slice(0, half), store, ingest, target, report);
      await flushRows(rows.slice(half), store, ingest, target, report);
      return;
    }
    if (report.dead < DEAD_LETTERS) {
      await ingest.bury({ ...target, reason: refused, body: JSON.stringify(rows[0]).slice(0, BODY_LENGTH) });
    }
    report.dead += 1;
  }
  store.flushed(last);
}

function pingRow(row: JournalRow): PingRow {
  return {
    instanceId: row.instance_id as Id<"instance">,
    kind: row.kind,
    bucket: row.bucket,
    receivedAt: row.received_at,
    expiresAt: row.expires_at,
    osKind: row.os_kind,
    osName: row.os_name,
    osVersion: row.os_version,
  };
}
