import type { GateMessage, Posted } from "../core/gate-message.ts";
import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { callGate } from "./call.ts";
import { PROTOCOL } from "./protocol.ts";

/** Messages in one delivery, and gates in one round. */
const MESSAGES = 200;
const GATES = 100;

/**
 * Delivers what the account side has posted to a gate, in order, and marks what the gate acknowledged. A message that it
 * does not understand stays in the outbox and holds up no other. Says whether everything arrived; what did not, the cron
 * tries again. Never throws.
 */
export async function deliverOutbox(deps: Deps, gateId: string): Promise<boolean> {
  let all = true;
  try {
    for (let after = 0; ; ) {
      const rows = await deps.jobs.query("select id, message from ebb.outbox_pending($1, $2, $3)", [
        gateId,
        after,
        MESSAGES,
      ]);
      const messages = rows.map((row): Posted => ({ id: Number(row["id"]), message: row["message"] as GateMessage }));
      const last = messages.at(-1);
      if (last === undefined) return all;
      const taken = await callGate(deps, gateId, (gate) => gate.deliver({ v: PROTOCOL, gateId, messages }));
      if (taken.length > 0) await deps.jobs.query("select ebb.outbox_delivered($1)", [taken]);
      if (taken.length < messages.length) {
        all = false;
        deps.logger.log("error", "outbox-not-understood", { gateId, count: messages.length - taken.length });
      }
      after = last.id;
    }
  } catch (error) {
    deps.logger.log("warn", "outbox-undelivered", { gateId, ...errorFields(error) });
    return false;
  }
}

/** Delivers to every gate that has not acknowledged everything; one gate's trouble keeps nothing from another. */
export async function deliverAllOutboxes(deps: Deps): Promise<{ gates: number; failed: number }> {
  const failed: string[] = [];
  for (let gates = 0; ; ) {
    const rows = await deps.jobs.query("select gate from ebb.outbox_gates($1, $2) as gate", [failed, GATES]);
    if (rows.length === 0) return { gates, failed: failed.length };
    for (const row of rows) {
      const gateId = row["gate"] as string;
      gates += 1;
      if (!(await deliverOutbox(deps, gateId))) failed.push(gateId);
    }
  }
}
