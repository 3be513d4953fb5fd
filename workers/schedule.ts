import type { Deps } from "../src/deps.ts";
import { createPartitions } from "../src/jobs/create-partitions.ts";
import { flushStragglers } from "../src/jobs/flush-stragglers.ts";
import { purge } from "../src/jobs/purge.ts";

/** Each cron line of wrangler.toml and its job. */
export const SCHEDULE: Record<string, { job: string; run: (deps: Deps) => Promise<unknown> }> = {
  "*/5 * * * *": { job: "flush-stragglers", run: flushStragglers },
  "7 * * * *": { job: "purge", run: purge },
  "23 2 * * *": { job: "create-partitions", run: createPartitions },
};

/** Runs the job of a cron line. An unknown line throws: a default once ran the wrong job. */
export async function runScheduled(cron: string, deps: Deps): Promise<void> {
  const entry = Object.hasOwn(SCHEDULE, cron) ? SCHEDULE[cron] : undefined;
  if (entry === undefined) throw new RangeError(`no job for the cron line "${cron}"`);
  const startedAtMs = deps.clock.now();
  await entry.run(deps);
  deps.logger.log("info", "job", { job: entry.job, cron, durationMs: deps.clock.now() - startedAtMs });
}
