import { Problem } from "../core/problem.ts";
import { limitProblem, type PlanPolicy, policyNamed } from "../limits/plans.ts";
import type { Scope } from "../limits/policy.ts";

/**
 * The policy of this name whose limit is to be set, or taken back (null). Throws `not-found` for a name that is none, and
 * `invalid-field` for a limit that could not be: what can never be admitted is refused here, not at every call.
 */
export function settablePolicy(name: string, atMost: number | null, scope?: Scope): PlanPolicy {
  const policy = policyNamed(name);
  if (policy === null || (scope !== undefined && policy.scope !== scope)) throw new Problem("not-found");
  const problem = atMost === null ? null : limitProblem(policy, atMost);
  if (problem !== null) throw new Problem("invalid-field", { errors: [{ path: "limit", message: problem }] });
  return policy;
}
