import type { UserCredential } from "../access/credential.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "../gate/limit.ts";
import { callOfUser } from "../gate/user.ts";
import { endSignIn } from "./end.ts";

/**
 * A person logs out of an instance, with any access token of the sign-in: also one that a change of what they may do has
 * outdated. Once more is as good as once: an answer that was lost is not told apart. Throws why the token is refused
 * otherwise, `quota-exceeded`, `unavailable`.
 */
export async function logOut(
  deps: Deps,
  requestId: string,
  credential: UserCredential,
  place: string | null,
): Promise<{ effective: boolean; headers: Record<string, string> }> {
  let headers: Record<string, string>;
  try {
    headers = await takeOrRefuse(deps, credential.gateId, callOfUser(requestId, credential, "session"));
  } catch (error) {
    // The gate has heard of it.
    if (error instanceof Problem && error.problem === "sign-in-ended") return { effective: true, headers: {} };
    throw error;
  }
  const { familyId, tenantId } = credential;
  return { ...(await endSignIn(deps, { familyId, tenantId, requestId, place, reason: null })), headers };
}
