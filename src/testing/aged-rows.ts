import { declaredTables } from "../privacy/inventory.ts";
import { isPurgedByRow } from "../privacy/policies.ts";
import { intervalSql, SCHEDULE } from "../privacy/schedule.ts";
import type { RowMaker } from "./rows.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

/** How long before the clock rows expire, and after: to the microsecond where a class is not kept by the day. */
const AGES = ["-40 hours", "-1 microsecond", "0", "1 microsecond", "36 hours"];

/** Stops the clock at noon today, and makes partitions for what expires around it. Returns the instant, in ms. */
export async function stopAtNoon(database: ScratchDatabase): Promise<number> {
  const noon = Math.floor(Date.now() / 86_400_000) * 86_400_000 + 43_200_000;
  await database.stopClock(noon);
  const around = [new Date(noon - 3 * 86_400_000).toISOString(), new Date(noon + 3 * 86_400_000).toISOString()];
  for (const { table, layout } of declaredTables()) {
    if (layout.kind !== "partitioned") continue;
    await database
      .as("jobs")
      .query("select ebb.create_partitions($1, $2, $3, $4)", [`public.${table}`, layout.by, ...around]);
  }
  return noon;
}

/** Rows of every table that have expired, expire this instant, will expire, and (where that can be) never do. */
export async function addAgedRows(database: ScratchDatabase, make: RowMaker): Promise<void> {
  for (const table of declaredTables()) {
    const kept = intervalSql(SCHEDULE[table.retention].window);
    for (const age of AGES) {
      const expires = `(ebb.clock() + interval '${age}')`;
      const at = isPurgedByRow(table) ? expires : `date_trunc('day', ${expires}, 'UTC')`;
      const [row] = await database
        .as("owner")
        .query(`select ((${at} at time zone 'UTC' - ${kept}) at time zone 'UTC')::text as anchor`);
      await make.add(table.table, row?.["anchor"] as string);
    }
  }
}

/** Every row of every table as text, sorted; `due` alone those that have expired by the test's clock, or those that have not. */
export async function rowsOf(database: ScratchDatabase, due: boolean | null = null): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  const which = due === null ? "true" : `(expires_at <= ebb.clock()) = ${due}`;
  for (const { table } of declaredTables()) {
    const rows = await database
      .as("owner")
      .query(`select t::text as row from public.${table} t where ${which} order by 1`);
    all[table] = rows.map((row) => row["row"] as string);
  }
  return all;
}
