import type { Deps } from "../src/deps.ts";
import { createPartitions } from "../src/jobs/create-partitions.ts";
import { emptyGates } from "../src/jobs/empty-gates.ts";
import { endSubscriptions } from "../src/jobs/end-subscriptions.ts";
import { flushStragglers } from "../src/jobs/flush-stragglers.ts";
import { purge } from "../src/jobs/purge.ts";
import { sendWaitingMail } from "../src/jobs/send-mail.ts";
import { visitPlatformGates } from "../src/jobs/visit-platform-gates.ts";

interface Job {
  job: string;
  /** Does all the work that it can, and answers with one sentence if too much of it failed. */
  run(deps: Deps): Promise<string | null>;
}

/** Each cron line of wrangler.toml and its job. */
export const SCHEDULE: Record<string, Job> = {
  "*/5 * * * *": {
    job: "flush-stragglers",
    run: async (deps) => {
      const { visited, failed } = await flushStragglers(deps);
      return visited > 0 && failed === visited ? `none of ${visited} silent gates could be flushed` : null;
    },
  },
  "*/2 * * * *": {
    job: "send-mail",
    run: async (deps) => {
      const { sent, failed } = await sendWaitingMail(deps);
      return failed > 0 && sent === 0 ? `none of ${failed} mails could be sent` : null;
    },
  },
  "7 * * * *": {
    job: "purge",
    run: async (deps) => {
      // First: what a plan allowed ends with it, and is for this very purge.
      const { failed: notEnded } = await endSubscriptions(deps);
      const { failed: full } = await emptyGates(deps);
      const { tables } = await purge(deps);
      const failed = tables.filter(({ finished, errors }) => !finished && errors.length > 0).map(({ table }) => table);
      const sentences = [
        ...(failed.length > 0 ? [`could not purge ${failed.join(", ")}`] : []),
        ...(notEnded ? ["subscriptions that were to end could not be"] : []),
        ...(full > 0 ? [`${full} gates could not be emptied`] : []),
      ];
      return sentences.join("; ") || null;
    },
  },
  "23 2 * * *": {
    job: "create-partitions",
    run: async (deps) => {
      await createPartitions(deps);
      return null;
    },
  },
  "13 0 * * *": {
    job: "visit-platform-gates",
    run: async (deps) => {
      const { visited, failed } = await visitPlatformGates(deps);
      return failed > 0 ? `${failed} of ${visited} gates did not answer` : null;
    },
  },
};

/**
 * Runs the job of a cron line. Throws when it failed, so that the platform shows the run as failed; and at an unknown
 * line: a default once ran the wrong job.
 */
export async function runScheduled(cron: string, deps: Deps): Promise<void> {
  const entry = Object.hasOwn(SCHEDULE, cron) ? SCHEDULE[cron] : undefined;
  if (entry === undefined) throw new RangeError(`no job for the cron line "${cron}"`);
  const startedAtMs = deps.clock.now();
  const failure = await entry.run(deps);
  const durationMs = deps.clock.now() - startedAtMs;
  deps.logger.log(failure === null ? "info" : "error", "job", { job: entry.job, cron, durationMs });
  if (failure !== null) throw new Error(`${entry.job}: ${failure}`);
}
