import type { Application, PolicyState } from "../limits/limiter.ts";
import type { Subjects } from "../limits/policy.ts";
import type { EffectivePolicy } from "../limits/settings.ts";
import type { InspectedPolicy } from "./protocol.ts";
import type { GateTenant } from "./tenant.ts";

/** Every policy that holds for the tenant, with how it stands for those subjects that were named. */
export function inspectPolicies(
  { policies, state }: GateTenant,
  subjects: Subjects,
  look: (applications: readonly Application[]) => PolicyState[],
): InspectedPolicy[] {
  const source = ({ name, upstream }: EffectivePolicy): InspectedPolicy["source"] => {
    if (upstream) return "allotment";
    return Object.hasOwn(state.overrides, name) ? "override" : "plan";
  };
  return (
    Object.values(policies)
      .flat()
      // Networks are counted by gates of the platform, which are no tenant's.
      .filter(({ scope }) => scope !== "network")
      .map((policy): InspectedPolicy => {
        const { name, routeClass, scope, unit, limit, windowS } = policy;
        const subject = scope === "tenant" ? "" : subjects[scope];
        const stand = subject === undefined ? null : (look([{ policy, subject }])[0] ?? null);
        return { name, routeClass, scope, unit, limit, windowS, source: source(policy), state: stand };
      })
  );
}
