import type { ClientFacts } from "../core/gate-message.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { PROTOCOL } from "../gate/protocol.ts";

interface Changed {
  gateId: string;
  clientId: string;
  /** SHA-256; null of a public client. */
  secretHash: Uint8Array | null;
  client: ClientFacts;
}

/**
 * Tells the nursery of an unclaimed client what it is from now on. Throws `unavailable`: repeating the request that changed
 * it changes it in both places.
 */
export async function changeInNursery(deps: Deps, changed: Changed): Promise<void> {
  await callGate(deps, changed.gateId, (gate) => gate.change({ v: PROTOCOL, ...changed })).catch((error: unknown) => {
    throw gateUnavailable(deps, error);
  });
}
