import { declaredTables } from "../privacy/inventory.ts";
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
  const plans = declaredTables().flatMap(({ table, layout }) =>
    layout.kind === "partitioned" ? [`ebb.create_partitions('public.${table}', '${layout.by}', $1, $2)`] : [],
  );
  await database.as("jobs").query(`select ${plans.join(", ")}`, around);
  return noon;
}

/** Rows of every table that have expired, expire this instant, will expire, and (where that can be) never do. */
export async function addAgedRows(database: ScratchDatabase, make: RowMaker): Promise<void> {
  for (const table of declaredTables()) {
    const kept = intervalSql(SCHEDULE[table.retention].window);
    for (const age of AGES) {
      const expires = `(ebb.clock() + interval '${age}')`;
      const byDay = table.layout.kind === "partitioned" && table.layout.by === "day";
      const at = byDay ? `date_trunc('day', ${expires}, 'UTC')` : expires;
      const [row] = await database
        .as("owner")
        .query(`select ((${at} at time zone 'UTC' - ${kept}) at time zone 'UTC')::text as anchor`);
      await make.add(table.table, row?.["anchor"] as string);
    }
  }
}

/**
 * Every row of every table as text, sorted; `due` alone those that have expired by the test's clock, or those that have
 * not. Without what runs of the purge wrote themselves: that is what they did, not what they found.
 */
export async function rowsOf(database: ScratchDatabase, due: boolean | null = null): Promise<Record<string, string[]>> {
  const which = due === null ? "true" : `(t.expires_at <= ebb.clock()) = ${due}`;
  const own: Record<string, string> = {
    purge_receipts: ` and receipt not like '{"anonymised":%'`,
    purge_progress: " and table_name not like 'public.%'",
  };
  const tables = declaredTables().map(({ table }) => table);
  const rows = await database
    .as("owner")
    .query(
      tables
        .map(
          (table) =>
            `select '${table}' as table, t::text as row from public.${table} t where ${which}${own[table] ?? ""}`,
        )
        .join(" union all "),
    );
  const all = Map.groupBy(rows, (row) => row["table"] as string);
  return Object.fromEntries(
    tables.map((table) => [table, (all.get(table) ?? []).map((row) => row["row"] as string).sort()]),
  );
}
