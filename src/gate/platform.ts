import { gateIdOf } from "../core/region.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "./limit.ts";

/** Gates that limit callers without a tenant, so that no one of them has to carry all. */
const SHARDS = 64;

/** The gate that limits the callers of a network. */
export function platformGateId(network: string): string {
  // FNV-1a: spreads neighbours, and needs no secret, as nothing rests on it.
  let hash = 0x811c9dc5;
  for (let i = 0; i < network.length; i++) hash = Math.imul(hash ^ network.charCodeAt(i), 0x01000193);
  return shard((hash >>> 0) % SHARDS);
}

/** All of them. */
export function platformGateIds(): string[] {
  return Array.from({ length: SHARDS }, (_, index) => shard(index));
}

/** No tenant's: those have random ids, these count up from nothing. */
function shard(index: number): string {
  const bytes = new Uint8Array(10);
  bytes[9] = index;
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

/** Takes from the limits of a person who acts for no tenant. Returns the RateLimit headers. Throws the same. */
export async function takePerson(
  deps: Pick<Deps, "gates" | "random">,
  requestId: string,
  person: string,
): Promise<Record<string, string>> {
  return await takeOrRefuse(deps, platformGateId(person), { requestId, routeClass: "account", subjects: { person } });
}
