import type { Deps } from "../deps.ts";
import { deliverOutbox } from "../gate/outbox.ts";

/** So many are told at once; further ones hear of it from the cron, within a minute. */
const AT_ONCE = 10;

/** Has gates hear now what the database posted to them. Says whether all of them have. Never throws. */
export async function tellGates(deps: Deps, gateIds: readonly string[]): Promise<boolean> {
  const gates = [...new Set(gateIds)];
  const told = await Promise.all(gates.slice(0, AT_ONCE).map((gateId) => deliverOutbox(deps, gateId)));
  return gates.length <= AT_ONCE && told.every(Boolean);
}
