import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { deliverOutbox } from "../gate/outbox.ts";

/** Tenants in one transaction. */
const AT_ONCE = 20;

/**
 * Puts every tenant whose subscription was to end by now on the free plan, and tells its gate; a gate that does not
 * answer hears of it from the outbox. Says how many, and whether some could not be: the next run takes them. Never throws.
 */
export async function endSubscriptions(deps: Deps): Promise<{ ended: number; failed: boolean }> {
  let ended = 0;
  try {
    for (;;) {
      const rows = await deps.jobs.query("select gate_id from ebb.end_due_subscriptions($1)", [AT_ONCE]);
      if (rows.length === 0) return { ended, failed: false };
      ended += rows.length;
      for (const row of rows) await deliverOutbox(deps, row["gate_id"] as string);
    }
  } catch (error) {
    deps.logger.log("error", "subscriptions-not-ended", errorFields(error));
    return { ended, failed: true };
  }
}
