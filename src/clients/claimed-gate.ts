import { errorFields } from "../core/log.ts";
import type { Deps } from "../deps.ts";
import { callGate } from "../gate/call.ts";
import { PROTOCOL } from "../gate/protocol.ts";

/**
 * The gate of the tenant to which a client was claimed, from Postgres, and told to its nursery gate: for a nursery that
 * did not hear of it when it was claimed. Null: nobody has claimed it. Throws `unavailable`.
 */
export async function claimedGate(deps: Deps, clientId: string, nursery: string): Promise<string | null> {
  const [row] = await deps.app.lookUp("select ebb.claimed_gate($1) as gate", [clientId]);
  const to = (row?.["gate"] ?? null) as string | null;
  if (to !== null) await forwardClient(deps, clientId, nursery, to);
  return to;
}

/** Has a nursery gate send a client on from now on. Never throws: whoever asks it next repairs what was missed. */
export async function forwardClient(deps: Deps, clientId: string, nursery: string, to: string): Promise<void> {
  try {
    await callGate(deps, nursery, (gate) => gate.forward({ v: PROTOCOL, gateId: nursery, clientId, toGateId: to }));
  } catch (error) {
    deps.logger.log("warn", "client-not-forwarded", { gateId: nursery, ...errorFields(error) });
  }
}
