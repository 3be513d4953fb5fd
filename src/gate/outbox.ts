import type { GateMessage, Posted } from "../core/gate-message.ts";
import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { callGate } from "./call.ts";
import { PROTOCOL } from "./protocol.ts";

/** Messages in one delivery. */
const AT_MOST = 200;

/**
 * Delivers what the account side has posted to one gate (or, for `null`, to all), in order, and marks it delivered. Says
 * whether everything arrived: what did not stays in the outbox, and the cron delivers it. Never throws.
 */
export async function deliverOutbox(deps: Deps, gateId: string | null): Promise<boolean> {
  try {
    for (;;) {
      const rows = await deps.jobs.query("select id, gate_id, message from ebb.outbox_pending($1, $2)", [
        gateId,
        AT_MOST,
      ]);
      if (rows.length === 0) return true;
      const failed = await deliverRows(deps, rows);
      if (failed > 0) return false;
    }
  } catch (error) {
    deps.logger.log("warn", "outbox-failed", { ...(gateId !== null && { gateId }), ...errorFields(error) });
    return false;
  }
}

/** Number of gates that could not be told; the others were. */
async function deliverRows(deps: Deps, rows: Record<string, unknown>[]): Promise<number> {
  const byGate = new Map<string, Posted[]>();
  for (const row of rows) {
    const gateId = row["gate_id"] as string;
    const posted = { id: Number(row["id"]), message: row["message"] as GateMessage };
    byGate.set(gateId, [...(byGate.get(gateId) ?? []), posted]);
  }
  let failed = 0;
  for (const [gateId, messages] of byGate) {
    try {
      await callGate(deps, gateId, (gate) => gate.deliver({ v: PROTOCOL, gateId, messages }));
      await deps.jobs.query("select ebb.outbox_delivered($1)", [messages.map((posted) => posted.id)]);
    } catch (error) {
      failed += 1;
      deps.logger.log("warn", "outbox-undelivered", { gateId, count: messages.length, ...errorFields(error) });
    }
  }
  return failed;
}
