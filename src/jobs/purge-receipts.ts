import { newId, uuidFromId } from "../core/id.ts";
import { errorFields } from "../core/log.ts";
import { nullableInstantFromSql } from "../db/columns.ts";
import type { Sql } from "../db/connect.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { type DroppedPartition, type PurgeFacts, purgeReceipt } from "../privacy/purge-receipt.ts";
import type { PurgeBudget } from "./purge-budget.ts";
import type { PurgeDeps, TableReport } from "./purge-report.ts";

interface Ended {
  table: DeclaredTable;
  run: string;
  begun: boolean;
  finished: boolean;
  interrupted: boolean;
  errors: readonly string[];
}

type Facts = Omit<PurgeFacts, "id" | "run">;

/** Writes the receipt of one table. Where even that fails the report says so, and a later run writes it. */
export async function recordReceipt(
  { clock, logger }: Pick<PurgeDeps, "clock" | "logger">,
  sql: Sql,
  ended: Ended,
): Promise<TableReport> {
  const { table, run, begun } = ended;
  const nowMs = clock.now();
  let facts = nothingKnown(nowMs, ended);
  try {
    const known = begun ? await factsOf(sql, run, table.table, ended) : facts;
    if (known === null) return { table: table.table, ...facts, receipt: false };
    facts = known;
    const id = newId("purgeReceipt", nowMs);
    const receipt = purgeReceipt(table, { id, run, ...facts });
    const [row] = await sql.query("select ebb.record_receipt($1, $2, $3, $4, $5) as written", [
      uuidFromId("purgeReceipt", id),
      run,
      `public.${table.table}`,
      receipt,
      begun,
    ]);
    return { table: table.table, ...facts, receipt: row?.["written"] === true };
  } catch (error) {
    logger.log("error", "receipt-not-written", { table: table.table, ...errorFields(error) });
    return { table: table.table, ...facts, receipt: false };
  }
}

/** Writes the receipts of runs that died before they could, oldest first and as far as the budget goes, and returns how many. */
export async function recordAbandoned(
  deps: Pick<PurgeDeps, "clock" | "logger">,
  sql: Sql,
  budget: PurgeBudget,
): Promise<number> {
  const rows = await sql.query("select run_id, table_name from ebb.abandoned_purges()");
  const tables = new Map(declaredTables().map((table) => [`public.${table.table}`, table]));
  let written = 0;
  for (const { run_id, table_name } of rows) {
    const table = tables.get(table_name as string);
    if (!budget.allows()) break;
    if (table === undefined) continue;
    const ended = { table, run: run_id as string, begun: true, finished: false, interrupted: true, errors: [] };
    if ((await recordReceipt(deps, sql, ended)).receipt) written += 1;
  }
  return written;
}

/** Null: its receipt is written already. */
async function factsOf(sql: Sql, run: string, table: string, ended: Ended): Promise<Facts | null> {
  const [row] = await sql.query(
    "select p.*, ebb.oldest_due($2::regclass) as oldest_due from ebb.progress_of($1, $2) p",
    [run, `public.${table}`],
  );
  if (row === undefined) return null;
  const at = (column: string) => nullableInstantFromSql(row[column]);
  const seenAtMs = at("seen_at") as number;
  const [earliest, latest] = [at("earliest"), at("latest")];
  return {
    beganAtMs: at("started_at") as number,
    endedAtMs: seenAtMs,
    deleted: Number(row["deleted"]),
    anonymised: Number(row["anonymised"]),
    blocked: Number(row["blocked"]),
    partitions: row["partitions"] as DroppedPartition[],
    expiries: earliest === null || latest === null ? null : { fromMs: earliest, toMs: latest },
    overdueBeforeMs: row["overdue_ms"] === null ? null : Number(row["overdue_ms"]),
    overdueAfterMs: Math.max(0, seenAtMs - (at("oldest_due") ?? seenAtMs)),
    finished: ended.finished,
    interrupted: ended.interrupted,
    errors: ended.errors,
  };
}

/** Of a table that could not even be begun. */
function nothingKnown(nowMs: number, { finished, interrupted, errors }: Ended): Facts {
  return {
    beganAtMs: nowMs,
    endedAtMs: nowMs,
    deleted: 0,
    anonymised: 0,
    blocked: 0,
    partitions: [],
    expiries: null,
    overdueBeforeMs: null,
    overdueAfterMs: null,
    finished,
    interrupted,
    errors,
  };
}
