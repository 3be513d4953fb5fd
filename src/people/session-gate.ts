import type { Entry } from "../db/app-database.ts";
import type { Deps } from "../deps.ts";
import { platformGateId } from "../gate/platform.ts";
import type { Subjects } from "../limits/policy.ts";

/**
 * Whose limits a session takes from: its person's, at the gate of the tenant in which that person is a member. Throws
 * what entering throws.
 */
export async function sessionGate(deps: Deps, entry: Entry): Promise<{ gateId: string; subjects: Subjects }> {
  const { entered } = await deps.app.read({ ...entry, reason: null }, () => []);
  // A closed tenant's gate refuses everything, and its owner may still undo that.
  const gateId = entered.closed ? platformGateId(entered.actorId) : entered.actorGateId;
  return { gateId, subjects: { person: entered.actorId } };
}
