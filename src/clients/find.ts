import { openRoutingId } from "../access/routing-id.ts";
import type { ClientFacts } from "../core/gate-message.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { isNursery } from "../gate/nursery.ts";
import { type ClaimedClient, PROTOCOL } from "../gate/protocol.ts";
import { claimedGate } from "./claimed-gate.ts";

export interface FoundClient {
  client: ClientFacts;
  claimed: ClaimedClient | null;
}

/**
 * What a client registered, by its id alone: for the authorization endpoint, where it shows no secret (RFC 6749 section
 * 4.1.1). Null for one that is unknown, revoked or forged. Throws `unavailable`.
 */
export async function findClient(deps: Deps, clientId: string): Promise<FoundClient | null> {
  const first = await openRoutingId("client-id", clientId, deps.routingKeys);
  if (first === null) return null;
  const ask = (gateId: string) =>
    callGate(deps, gateId, (gate) => gate.client({ v: PROTOCOL, gateId, clientId })).catch((error: unknown) => {
      throw gateUnavailable(deps, error);
    });
  let answer = await ask(first);
  // A nursery that has not heard that it was claimed still has what it first registered.
  if ((answer.outcome === "unknown" || (answer.outcome === "known" && answer.claimed === null)) && isNursery(first)) {
    const to = await claimedGate(deps, clientId, first);
    if (to !== null) answer = { outcome: "moved", gateId: to };
  }
  if (answer.outcome === "moved") answer = await ask(answer.gateId);
  return answer.outcome === "known" ? { client: answer.client, claimed: answer.claimed } : null;
}
