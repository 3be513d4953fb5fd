import { OUR_TABLES } from "./ours.ts";
import { instant, type StageDatabase } from "./stage.ts";
import { LONGEST_WINDOW, type Shape, TENANTS } from "./terms.ts";

/** What others do, each from the usual recipe: the columns of our tables, an index for the query that expires. */

/** Rows that a batch deletes, as ours does. */
const BATCH = 1_000;

/** One unpartitioned table with an index on the instant at which rows expire. */
export async function makePlain(database: StageDatabase, shape: Shape): Promise<void> {
  const key = shape === "pings" ? "tenant_id, instance_id, kind, bucket" : "tenant_id, id";
  await database.query(`create table bench.${shape} (like ${OUR_TABLES[shape]}, primary key (${key}))`);
  await database.query(`create index on bench.${shape} (expires_at)`);
}

export const DELETE_DUE = (table: string) => `delete from ${table} where expires_at <= $1`;

/** The same in transactions of so many rows, so that none is long; in order, or the planner may well scan all for a batch. */
export async function deleteInBatches(database: StageDatabase, table: string, nowMs: number): Promise<number> {
  const batch = `delete from ${table} where ctid in (select ctid from ${table} where expires_at <= $1 order by expires_at limit ${BATCH})`;
  let deleted = 0;
  for (;;) {
    const some = await database.change(batch, [instant(nowMs)]);
    deleted += some;
    if (some < BATCH) return deleted;
  }
}

/**
 * Partitions by the month in which a row was recorded, back to the longest window: one of them holds tenants of every
 * window, so it can be dropped when the longest has passed, and until then the others' rows are deleted.
 */
export async function makePartitioned(database: StageDatabase, table: string, startMs: number): Promise<void> {
  await database.query(
    `create table ${table} (like public.tool_executions, primary key (tenant_id, id, recorded_at)) partition by range (recorded_at)`,
  );
  await database.query(`create index on ${table} (tenant_id, recorded_at)`);
  const month = (n: number) => {
    const start = new Date(startMs);
    return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + n);
  };
  for (let n = -LONGEST_WINDOW; n <= 1; n++) {
    const name = `${table}_${instant(month(n)).slice(0, 7).replace("-", "_")}`;
    await database.query(
      `create table ${name} partition of ${table} for values from ('${instant(month(n))}') to ('${instant(month(n + 1))}')`,
    );
  }
}

/** Drops what nobody's window reaches any more, then deletes tenant by tenant. Returns the rows deleted one by one. */
export async function deleteOfTenants(database: StageDatabase, table: string, nowMs: number): Promise<number> {
  const passed = await database.query<{ name: string }>(
    `select c.oid::regclass::text as name
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = $1::regclass
        and (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz <= ${CUT_OFF}`,
    [table, instant(nowMs), LONGEST_WINDOW],
  );
  for (const { name } of passed) await database.query(`drop table ${name}`);
  let deleted = 0;
  for (const { id, months } of TENANTS) {
    deleted += await database.change(`delete from ${table} where tenant_id = $1 and recorded_at <= ${CUT_OFF}`, [
      id,
      instant(nowMs),
      months,
    ]);
  }
  return deleted;
}

/** `$2` is now, `$3` the window in months. */
const CUT_OFF = "($2::timestamptz at time zone 'UTC' - make_interval(months => $3)) at time zone 'UTC'";
