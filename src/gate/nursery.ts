import { familyOf, shardOf, shardsOf } from "./shards.ts";

/**
 * The gate that takes in an unclaimed client, and to which its id leads for ever: after it was claimed this gate says
 * where to, or Postgres does, where this gate does not know. `clientHint` is anything that spreads clients evenly, such as the id of the instance.
 */
export function nurseryGateId(clientHint: string): string {
  return shardOf("nursery", clientHint);
}

/** All of them. */
export function nurseryGateIds(): string[] {
  return shardsOf("nursery");
}

/** Whether it is the gate of unclaimed clients, which has no tenant. Throws a RangeError for what is no gate id. */
export function isNursery(gateId: string): boolean {
  return familyOf(gateId) === "nursery";
}
