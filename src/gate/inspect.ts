import type { Application, PolicyState } from "../limits/limiter.ts";
import { allottedName, type Subjects } from "../limits/policy.ts";
import { keyCalls } from "../limits/settings.ts";
import type { InspectedPolicy } from "./protocol.ts";
import type { GateTenant } from "./tenant.ts";

/** Every policy that holds for the tenant, with how it stands for those subjects that were named. */
export function inspectPolicies(
  { policies, state }: GateTenant,
  subjects: Subjects,
  look: (application: Application) => PolicyState[],
): InspectedPolicy[] {
  return Object.values(policies)
    .flat()
    .flatMap((policy): InspectedPolicy[] => {
      // Networks are counted by gates of the platform, which are no tenant's.
      if (policy.scope === "network") return [];
      const { name, routeClass, scope, unit, limit, windowS, allotted } = policy;
      const subject = scope === "tenant" ? "" : subjects[scope];
      const [own = null, above = null] = subject === undefined ? [] : look({ policy, subject });
      const source = Object.hasOwn(state.overrides, name) ? "override" : "plan";
      const shown: InspectedPolicy = { name, routeClass, scope, unit, limit, windowS, source, state: own };
      if (allotted === undefined) return [shown];
      return [shown, { ...shown, name: allottedName(name), limit: allotted, source: "allotment", state: above }];
    });
}

/** A key's own limit, which no plan names. */
export function inspectKeyCalls(
  callsPerHour: number,
  key: string,
  look: (application: Application) => PolicyState[],
): InspectedPolicy {
  const policy = keyCalls(callsPerHour);
  const [state = null] = look({ policy, subject: key });
  const { name, routeClass, scope, unit, limit, windowS } = policy;
  return { name, routeClass, scope, unit, limit, windowS, source: "key", state };
}
