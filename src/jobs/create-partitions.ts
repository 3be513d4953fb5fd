import { DAY_MS } from "../core/clock.ts";
import { instantToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { expiry, SCHEDULE } from "../privacy/schedule.ts";

/** How long ahead of need partitions exist: a cron that fails for a week is no outage. */
const AHEAD_MS = 14 * DAY_MS;
/** How late a gate may bring what it counted into a bucket. What it held back for longer has no place any more. */
const LATE_MS = 30 * DAY_MS;

export interface PartitionsReport {
  created: string[];
}

/**
 * Makes the partitions that rows written in the next fourteen days will need, whatever window a tenant has of those that
 * the class allows, and those that buckets may still reach. Repeating it makes nothing twice.
 */
export async function createPartitions(deps: Pick<Deps, "jobs" | "clock" | "logger">): Promise<PartitionsReport> {
  const now = deps.clock.now();
  const created: string[] = [];
  for (const table of declaredTables()) {
    if (table.layout.kind !== "partitioned") continue;
    const { since, until } = neededPartitions(table, now);
    const rows = await deps.jobs.query("select name from ebb.create_partitions($1, $2, $3, $4) as name", [
      `public.${table.table}`,
      table.layout.by,
      instantToSql(since),
      instantToSql(until),
    ]);
    created.push(...rows.map((row) => row["name"] as string));
  }
  deps.logger.log("info", "partitions-created", { count: created.length });
  return { created };
}

/** Between which expiries, in ms since 1970, rows written from now on can lie. */
function neededPartitions({ anchor, retention }: DeclaredTable, now: number): { since: number; until: number } {
  const { window, mayVary } = SCHEDULE[retention];
  const [least, greatest] = [mayVary?.least ?? window, mayVary?.greatest ?? window];
  // A bucket begins up to a day before; what is recorded is as old as two clocks differ; what has expired needs no place.
  const since = anchor.at === "bucket" ? expiry(now - LATE_MS - DAY_MS, least) : expiry(now - DAY_MS, least);
  return { since: Math.max(now, since), until: expiry(now + AHEAD_MS, greatest) };
}
