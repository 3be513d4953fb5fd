import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "./limit.ts";
import { shardOf, shardsOf } from "./shards.ts";

/** The gate that limits the callers of a network. */
export function platformGateId(network: string): string {
  return shardOf("platform", network);
}

/** All of them. */
export function platformGateIds(): string[] {
  return shardsOf("platform");
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
