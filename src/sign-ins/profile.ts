import type { UserCredential } from "../access/credential.ts";
import { type Id, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import type { Plan } from "../limits/plans.ts";
import { type Entitlement, entitlementsOf } from "../tenants/entitlements.ts";

/** Who is signed in on an instance, and what the tenant's plan includes. */
export interface SignedInProfile {
  id: Id<"person">;
  /** What the provider said; null where it said nothing. */
  name: string | null;
  email: string | null;
  plan: Plan;
  entitlements: readonly Entitlement[];
}

/**
 * The profile of the person behind a token, as it is now. Throws `sign-in-ended` where no refresh of the sign-in would be
 * accepted any more, also while the gate has not heard of it, `tenant-suspended`, `tenant-closed`, `unavailable`.
 */
export async function profileOf(
  { app }: Pick<Deps, "app">,
  { familyId, personId, tenantId }: Pick<UserCredential, "familyId" | "personId" | "tenantId">,
): Promise<SignedInProfile> {
  const [row] = await app.lookUp("select name, email, plan from ebb.profile_of($1, $2, $3)", [
    uuidFromId("tokenFamily", familyId),
    uuidFromId("person", personId),
    uuidFromId("tenant", tenantId),
  ]);
  if (row === undefined) throw new Problem("sign-in-ended");
  const { name, email, plan } = row as { name: string | null; email: string | null; plan: Plan };
  return { id: personId, name, email, plan, entitlements: entitlementsOf(plan) };
}
