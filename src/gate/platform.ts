import { gateIdOf } from "../core/region.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "./limit.ts";

/** Gates that limit callers without a tenant, so that no one of them has to carry all. */
const SHARDS = 64;

/** The gate that limits the callers of a network. No tenant's: those have random ids, these count up from nothing. */
export function platformGateId(network: string): string {
  // FNV-1a: spreads neighbours, and needs no secret, as nothing rests on it.
  let hash = 0x811c9dc5;
  for (let i = 0; i < network.length; i++) hash = Math.imul(hash ^ network.charCodeAt(i), 0x01000193);
  const bytes = new Uint8Array(10);
  bytes[9] = (hash >>> 0) % SHARDS;
  return gateIdOf("any", bytes);
}

/** Takes from the limits of a caller who has shown no credential, by network. Throws `quota-exceeded`, `unavailable`. */
export async function takePublic(
  deps: Pick<Deps, "gates" | "random">,
  requestId: string,
  network: string,
): Promise<void> {
  await takeOrRefuse(deps, platformGateId(network), { requestId, routeClass: "public", subjects: { network } });
}
