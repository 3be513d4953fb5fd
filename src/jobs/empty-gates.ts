import { idFromUuid } from "../core/id.ts";
import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { callGate } from "../gate/call.ts";
import { PROTOCOL } from "../gate/protocol.ts";

/** Gates that one run empties at most; the next run takes the next ones. */
const AT_MOST = 200;

export interface EmptiedReport {
  emptied: number;
  failed: number;
}

/**
 * Has the gates of tenants whose time has come forget everything: clients' hashes, what limits count, what they knew of
 * the tenant. Until a gate has, its tenant's row stays. A gate that fails is counted and stops nothing else.
 */
export async function emptyGates(deps: Pick<Deps, "jobs" | "gates" | "logger">): Promise<EmptiedReport> {
  const rows = await deps.jobs.query("select tenant, gate_id from ebb.gates_to_empty($1)", [AT_MOST]);
  const report: EmptiedReport = { emptied: 0, failed: 0 };
  for (const row of rows) {
    const [tenant, gateId] = [row["tenant"] as string, row["gate_id"] as string];
    try {
      const call = { v: PROTOCOL, gateId, tenantId: idFromUuid("tenant", tenant) } as const;
      const erased = await callGate(deps, gateId, (gate) => gate.erase(call));
      if (!erased) throw new Error("another tenant's gate");
      await deps.jobs.query("select ebb.gate_emptied($1)", [tenant]);
      report.emptied += 1;
    } catch (error) {
      report.failed += 1;
      deps.logger.log("warn", "gate-not-emptied", { gateId, ...errorFields(error) });
    }
  }
  return report;
}
