import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { callGate } from "../gate/call.ts";
import { nurseryGateIds } from "../gate/nursery.ts";
import { platformGateIds } from "../gate/platform.ts";

export interface VisitReport {
  visited: number;
  failed: number;
}

/**
 * Has every gate of the platform's, and every nursery, let go of passed windows, of the salts of days that are over and of
 * unclaimed clients that have expired: a gate that nobody calls does not wake by itself, and a salt that outlives its day
 * would tell which networks had called.
 */
export async function visitPlatformGates(deps: Pick<Deps, "gates" | "logger">): Promise<VisitReport> {
  const report: VisitReport = { visited: 0, failed: 0 };
  for (const gateId of [...platformGateIds(), ...nurseryGateIds()]) {
    report.visited += 1;
    try {
      await callGate(deps, gateId, (gate) => gate.flush());
    } catch (error) {
      report.failed += 1;
      deps.logger.log("warn", "visit-failed", { gateId, ...errorFields(error) });
    }
  }
  return report;
}
