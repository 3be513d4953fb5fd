/** What a caller does, for the purpose of limits. */
export type RouteClass = "alive" | "token" | "guess" | "register" | "account";

/** Whose admissions a policy counts: everybody's in the tenant, or one instance's or key's. */
export type PolicyScope = "tenant" | "caller";

/** At most `limit` admissions in any trailing `windowS` seconds. */
export interface Policy {
  name: string;
  scope: PolicyScope;
  limit: number;
  windowS: number;
}

export const PLANS = ["free", "team", "enterprise"] as const;
export type Plan = (typeof PLANS)[number];

/** An instance pings at its start and every 24 h; one that restarts every two minutes is still within its limit. */
const callerPolicies: Record<RouteClass, Policy> = {
  alive: { name: "alive-instance", scope: "caller", limit: 30, windowS: 3600 },
  token: { name: "token-client", scope: "caller", limit: 30, windowS: 3600 },
  /** Wrong secrets for one client. */
  guess: { name: "token-guess", scope: "caller", limit: 30, windowS: 3600 },
  register: { name: "register-key", scope: "caller", limit: 600, windowS: 3600 },
  account: { name: "account-key", scope: "caller", limit: 600, windowS: 60 },
};

/** The policy that limits one instance's pings of a kind. */
export const PING_POLICY = { alive: callerPolicies.alive.name } as const;

/** How long an admission can matter, ms. */
export const LONGEST_WINDOW_MS = 3_600_000;

/**
 * What all callers of a tenant may use together, a minute. Only for callers whose credential is proven before they are
 * counted: whoever holds a dead key must not be able to use up what the others share.
 */
const tenantLimits: Record<Plan, Partial<Record<RouteClass, number>>> = {
  free: { alive: 1_000, token: 1_000 },
  team: { alive: 10_000, token: 10_000 },
  enterprise: { alive: 600_000, token: 600_000 },
};

const TENANT_WINDOW_S = 60;

function tableOf(plan: Plan): Record<RouteClass, readonly Policy[]> {
  const policies = (routeClass: RouteClass): readonly Policy[] => {
    const limit = tenantLimits[plan][routeClass];
    const own = callerPolicies[routeClass];
    if (limit === undefined) return [own];
    return [own, { name: `${routeClass}-tenant`, scope: "tenant", limit, windowS: TENANT_WINDOW_S }];
  };
  return {
    alive: policies("alive"),
    token: policies("token"),
    guess: policies("guess"),
    register: policies("register"),
    account: policies("account"),
  };
}

const TABLE: Record<Plan, Record<RouteClass, readonly Policy[]>> = {
  free: tableOf("free"),
  team: tableOf("team"),
  enterprise: tableOf("enterprise"),
};

/** The policies that apply to a call of this class under this plan: the caller's own first, then the tenant's. */
export function policiesOf(plan: Plan, routeClass: RouteClass): readonly Policy[] {
  return TABLE[plan][routeClass];
}
