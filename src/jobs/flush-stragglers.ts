import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { callGate } from "../gate/call.ts";
import { deliverAllOutboxes } from "../gate/outbox.ts";

/** Gates that one run visits at most; the next run takes the next ones. */
const AT_MOST = 500;

export interface StragglersReport {
  visited: number;
  failed: number;
  recorded: number;
  /** Gates that did not take everything that is in the outbox for them. */
  undelivered: number;
}

/**
 * Visits the gates that still held pings when they last spoke and have been silent for ten minutes, and has each flush;
 * then delivers what is left in the outbox. A gate that fails is counted and stops nothing else.
 */
export async function flushStragglers(deps: Deps): Promise<StragglersReport> {
  const rows = await deps.jobs.query("select gate_id from ebb.silent_gates(interval '10 minutes', $1) as gate_id", [
    AT_MOST,
  ]);
  const report: StragglersReport = { visited: rows.length, failed: 0, recorded: 0, undelivered: 0 };
  for (const row of rows) {
    const gateId = row["gate_id"] as string;
    try {
      report.recorded += (await callGate(deps, gateId, (gate) => gate.flush())).recorded;
    } catch (error) {
      report.failed += 1;
      deps.logger.log("warn", "straggler-failed", { gateId, ...errorFields(error) });
    }
  }
  report.undelivered = (await deliverAllOutboxes(deps)).failed;
  return report;
}
