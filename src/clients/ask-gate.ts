import { openRoutingId } from "../access/routing-id.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { isNursery } from "../gate/nursery.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { ClientAnswer, ClientLookupAnswer, Gate } from "../gate/protocol.ts";
import { claimedGate } from "./claimed-gate.ts";

/** The gate that has a client, and what it answered. */
export interface GateAnswer<A> {
  gateId: string;
  answer: Exclude<A, { outcome: "moved" }>;
}

/**
 * Asks the gate that has a client: the one to which its id leads, or the one to which it went when it was claimed.
 * Postgres is asked only where a gate has not heard of a client whose id is genuine. Null for an id that is not. Throws
 * `unavailable`.
 */
export async function askGateOfClient<A extends ClientAnswer | ClientLookupAnswer>(
  deps: Deps,
  clientId: string,
  question: (gate: Gate, gateId: string) => Promise<A>,
): Promise<GateAnswer<A> | null> {
  const first = await openRoutingId("client-id", clientId, deps.routingKeys);
  if (first === null) return null;
  const ask = (gateId: string): Promise<A> =>
    callGate(deps, gateId, (gate) => question(gate, gateId)).catch((error: unknown) => {
      throw gateUnavailable(deps, error);
    });
  let gateId = first;
  let answer = await ask(gateId);
  if (isNursery(gateId)) {
    const to = answer.outcome === "moved" ? answer.gateId : await unheardMove(deps, clientId, gateId, answer);
    if (to !== null) {
      gateId = to;
      answer = await ask(gateId);
    }
  }
  if (answer.outcome === "unknown" && !isNursery(gateId)) {
    const delivered = await deliverOutbox(deps, gateId);
    answer = await ask(gateId);
    // Its registration may still be on the way: a client that is told "unknown" would give up for good.
    if (answer.outcome === "unknown" && !delivered) throw gateUnavailable(deps, null);
  }
  // A tenant's gate forwards nobody.
  if (answer.outcome === "moved") throw gateUnavailable(deps, new Error("forwarded twice"));
  return { gateId, answer: answer as Exclude<A, { outcome: "moved" }> };
}

/** A nursery may have missed that a client was claimed: it takes it for unclaimed, and forgets it after its day. */
async function unheardMove(
  deps: Deps,
  clientId: string,
  nursery: string,
  answer: ClientAnswer | ClientLookupAnswer,
): Promise<string | null> {
  const unclaimed = "claimed" in answer && answer.claimed === null;
  return unclaimed || answer.outcome === "unknown" ? await claimedGate(deps, clientId, nursery) : null;
}
