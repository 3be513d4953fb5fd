import { desc, eq, isNotNull, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import type { Reader } from "../db/app-database.ts";
import { instantFromSql, nullableInstantFromSql } from "../db/columns.ts";
import { purgeReceipts } from "../db/schema.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { type Context, enter } from "../verb.ts";
import { type LastRun, lastRunFrom } from "./last-run.ts";
import { ownWindowsOf, type TenantWindow, windowsFrom } from "./list-windows.ts";

/** So many rows, or where `more` is true at least so many: counting ends somewhere. */
export interface Counted {
  rows: number;
  more: boolean;
}

export interface TableStatus {
  table: DeclaredTable;
  /** The window of the tenant's own that holds now; null: the schedule's does. */
  own: TenantWindow["current"];
  /** What goes, and what is anonymised, within the next 24 hours. */
  expiring: Counted;
  anonymising: Counted;
  /** What should be gone, or anonymised, and is not. What is held is not overdue. */
  overdue: Counted;
  /** ms since 1970. */
  overdueSince: number | null;
  /** Rows that are kept only because a legal hold lies on them; null for all but the platform owner. */
  held: number | null;
  /** Nothing of it is kept beyond this instant; `Infinity`: not before something ends it, as the end of a subscription. Null: nothing is kept. */
  keptUntil: number | null;
}

export interface RetentionStatus {
  /** By the database's clock. */
  at: number;
  tenantId: Id<"tenant">;
  /** The platform owner asks for itself: every tenant's rows are counted. */
  everybody: boolean;
  tables: TableStatus[];
  /** Null: the purge has never run. */
  lastRun: LastRun | null;
  /** The longest that a run of the purge has found a row overdue, ever, as far back as receipts go. */
  worst: { overdueMs: number; receiptId: Id<"purgeReceipt">; table: string; recordedAt: number } | null;
}

interface StatusRow extends Record<string, unknown> {
  everybody: boolean;
  purged: string;
  expiring: number;
  expiring_more: boolean;
  anonymising: number;
  anonymising_more: boolean;
  overdue: number;
  overdue_more: boolean;
  overdue_since: string | null;
  held: number | null;
  kept_until: string | null;
  seen_at: string;
}

/**
 * What is kept of the tenant entered, until when, and what goes next; of everybody, where the platform owner asks for
 * itself. With what the purge last did, and how late it ever was. Throws `forbidden` and `not-found`.
 */
export async function retentionStatus(context: Context): Promise<RetentionStatus> {
  const { entered, results } = await enter(context, "retention:read", statusQueries);
  const [{ rows }, windows, lastReceipts, worst] = results;
  const [first] = rows;
  const everybody = first?.everybody === true;
  const own = everybody ? [] : windowsFrom(windows);
  const declared = new Map(declaredTables().map((table) => [`public.${table.table}`, table]));
  return {
    at: instantFromSql(first?.seen_at ?? ""),
    tenantId: entered.tenantId,
    everybody,
    tables: rows.map((row) => tableStatus(row, declared.get(row.purged), own)),
    lastRun: lastRunFrom(lastReceipts),
    worst: worst.map((row) => ({ ...row, table: row.table.slice("public.".length) }))[0] ?? null,
  };
}

function statusQueries(db: Reader) {
  const { id, runId, tableName, recordedAt, receipt, overdueMs } = purgeReceipts;
  return [
    db.execute<StatusRow>(sql`select s.*, ebb.clock() as seen_at from ebb.retention_status() s`),
    ownWindowsOf(db),
    db
      .select({ runId, tableName, receipt })
      .from(purgeReceipts)
      .where(eq(runId, sql`(select r.run_id from public.purge_receipts r order by r.id desc limit 1)`)),
    db
      .select({ overdueMs: sql<number>`${overdueMs}`.mapWith(Number), receiptId: id, table: tableName, recordedAt })
      .from(purgeReceipts)
      .where(isNotNull(overdueMs))
      .orderBy(desc(overdueMs))
      .limit(1),
  ] as const;
}

function tableStatus(row: StatusRow, table: DeclaredTable | undefined, own: readonly TenantWindow[]): TableStatus {
  if (table === undefined) throw new TypeError("a table that is not declared");
  return {
    table,
    own: own.find(({ name }) => name === table.retention)?.current ?? null,
    expiring: { rows: row.expiring, more: row.expiring_more },
    anonymising: { rows: row.anonymising, more: row.anonymising_more },
    overdue: { rows: row.overdue, more: row.overdue_more },
    overdueSince: nullableInstantFromSql(row.overdue_since),
    held: row.held,
    keptUntil: nullableInstantFromSql(row.kept_until),
  };
}
