import type { ClientFacts } from "../core/gate-message.ts";
import type { Deps } from "../deps.ts";
import { type ClaimedClient, PROTOCOL } from "../gate/protocol.ts";
import { askGateOfClient } from "./ask-gate.ts";

export interface FoundClient {
  client: ClientFacts;
  claimed: ClaimedClient | null;
}

/**
 * What a client registered, by its id alone: for the authorization endpoint, where it shows no secret (RFC 6749 section
 * 4.1.1). Null for one that is unknown, revoked or forged. Throws `unavailable`.
 */
export async function findClient(deps: Deps, clientId: string): Promise<FoundClient | null> {
  const asked = await askGateOfClient(deps, clientId, (gate, gateId) => gate.client({ v: PROTOCOL, gateId, clientId }));
  if (asked?.answer.outcome !== "known") return null;
  const { client, claimed } = asked.answer;
  return { client, claimed };
}
