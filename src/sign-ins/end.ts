import { type Id, uuidFromId } from "../core/id.ts";
import type { ProblemName } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { tellGates } from "../people/tell-gates.ts";

export interface SignInToEnd {
  familyId: Id<"tokenFamily">;
  tenantId: Id<"tenant">;
  requestId: string;
  /** The country from which it is ended, ISO 3166-1; null where nobody says. */
  place: string | null;
  /** Why, where the person did not ask for it. */
  reason: ProblemName | null;
}

/**
 * Ends a person's sign-in on an instance: its refresh tokens are void, and its access tokens are refused as soon as the
 * gate has heard. `effective` says whether it has. Ending it again, or one that is not this tenant's, changes nothing.
 * Whoever calls has proven whose it is. Throws `unavailable`; trying again is safe.
 */
export async function endSignIn(deps: Deps, signIn: SignInToEnd): Promise<{ effective: boolean }> {
  const { familyId, tenantId, requestId, place, reason } = signIn;
  const [row] = await deps.app.ask("select ebb.end_sign_in($1, $2, $3, $4, $5) as gates", [
    uuidFromId("tokenFamily", familyId),
    uuidFromId("tenant", tenantId),
    reason,
    place,
    requestId,
  ]);
  return { effective: await tellGates(deps, row?.["gates"] as string[]) };
}
