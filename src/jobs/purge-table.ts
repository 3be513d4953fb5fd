import { sqlStateOf } from "../core/sql-state.ts";
import type { Sql } from "../db/connect.ts";
import type { PurgeBudget } from "./purge-budget.ts";

/** Rows that the first batch of a table looks at; later ones follow how long it took. */
export const FIRST_BATCH = 1_000;
const LARGEST_BATCH = 10_000;
/** No batch shall hold its locks for longer than 100 ms: half of that is aimed at. */
const AIM_MS = 50;
/** How often a partition's DROP or a batch tries for its lock, 50 ms each time. */
const LOCK_ATTEMPTS = 10;
const LOCK_NOT_AVAILABLE = "55P03";

interface Scope {
  which: string;
  tenant: string | null;
}

interface Batch {
  done: number | null;
  last: string[];
  tookMs: number;
}

/**
 * Deletes (and anonymises) what is due in one table, and nothing else: partitions whose time has passed whole, the rest
 * in batches by ranges of expiry and key, a transaction each, that count in it what they did. Postgres chooses the rows:
 * it refuses what is not due or held, whatever is asked here. Returns false when the run's budget ended it before
 * everything was done: the next run goes on.
 */
export async function purgeTable(
  sql: Sql,
  run: string,
  table: { name: string; partitioned: boolean },
  budget: PurgeBudget,
  onBegun: () => void,
): Promise<boolean> {
  const rows = await sql.query("select which, tenant from ebb.begin_purge($1, $2)", [run, table.name]);
  onBegun();
  const scopes = rows.map((row): Scope => ({ which: row["which"] as string, tenant: row["tenant"] as string | null }));
  if (table.partitioned && !(await dropPartitions(sql, run, table.name, budget))) return false;
  for (const scope of scopes) if (!(await purgeScope(sql, run, table.name, scope, budget))) return false;
  return true;
}

async function dropPartitions(sql: Sql, run: string, table: string, budget: PurgeBudget): Promise<boolean> {
  while (budget.allows()) {
    const [dropped] = await patiently(() =>
      sql.query("select partition, rows from ebb.drop_expired_partition($1, $2)", [run, table]),
    );
    if (dropped === undefined) return true;
  }
  return false;
}

async function purgeScope(
  sql: Sql,
  run: string,
  table: string,
  { which, tenant }: Scope,
  budget: PurgeBudget,
): Promise<boolean> {
  let after: string[] | null = null;
  let size = FIRST_BATCH;
  while (budget.allows()) {
    const params: unknown[] = [run, table, which, tenant, after === null ? null : arrayText(after), size];
    const batch = await patiently(() => purgeBatch(sql, params));
    if (batch === null) return true;
    if (batch.done === null) {
      // Another row refers to one of them: halved until they are few enough to be tried one by one.
      size = Math.ceil(size / 2);
      continue;
    }
    after = batch.last;
    size = nextSize(size, batch.tookMs);
  }
  return false;
}

async function purgeBatch(sql: Sql, params: unknown[]): Promise<Batch | null> {
  const [row] = await sql.query(
    "select done, last_key as last, took_ms from ebb.purge_batch($1, $2, $3, $4, $5, $6)",
    params,
  );
  if (row === undefined) return null;
  return { done: row["done"] as number | null, last: row["last"] as string[], tookMs: Number(row["took_ms"]) };
}

/** So many rows that the next batch takes about as long as is aimed at; never more than four times as many. */
export function nextSize(size: number, tookMs: number): number {
  const fitting = Math.floor((size * AIM_MS) / Math.max(tookMs, 1));
  return Math.max(1, Math.min(fitting, size * 4, LARGEST_BATCH));
}

/** A lock that does not come within 50 ms is asked for again: whoever reads or writes goes first. */
async function patiently<T>(statement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await statement();
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || attempt === LOCK_ATTEMPTS) throw error;
    }
  }
}

/** An array of texts as Postgres reads it. */
function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
