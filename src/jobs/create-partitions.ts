import { DAY_MS } from "../core/clock.ts";
import { instantToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { expiry, SCHEDULE } from "../privacy/schedule.ts";

/** How long ahead of need partitions exist: a cron that fails for a week is no outage. */
const AHEAD_MS = 14 * DAY_MS;

export interface PartitionsReport {
  created: string[];
}

/**
 * Makes the partitions that rows written in the next fourteen days will need. A bucket may reach Postgres as late as its
 * expiry, so the partitions of bucketed tables start today. Repeating it makes nothing twice.
 */
export async function createPartitions(deps: Pick<Deps, "jobs" | "clock" | "logger">): Promise<PartitionsReport> {
  const now = deps.clock.now();
  const created: string[] = [];
  for (const { table, layout, anchor, retention } of declaredTables()) {
    if (layout.kind !== "partitioned") continue;
    const { window } = SCHEDULE[retention];
    const since = anchor.at === "bucket" ? now : expiry(now - DAY_MS, window);
    const rows = await deps.jobs.query("select name from ebb.create_partitions($1, $2, $3, $4) as name", [
      `public.${table}`,
      layout.by,
      instantToSql(since),
      instantToSql(expiry(now + AHEAD_MS, window)),
    ]);
    created.push(...rows.map((row) => row["name"] as string));
  }
  deps.logger.log("info", "partitions-created", { count: created.length });
  return { created };
}
