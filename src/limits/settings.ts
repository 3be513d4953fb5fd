import type { Application } from "./limiter.ts";
import { type Plan, type PlanPolicy, POLICIES, policyNamed } from "./plans.ts";
import { LARGEST_EXACT_LIMIT, type Policy, type Subjects } from "./policy.ts";
import type { RouteClass, Unit } from "./route-classes.ts";

/** What decides a tenant's limits. */
export interface LimitSettings {
  plan: Plan;
  /** Limits by policy name that the platform owner has set instead of the plan's. */
  overrides: Readonly<Record<string, number>>;
  /** Limits by policy name that the tenant above allots out of its own: the tenant never learns of them. */
  allotments: Readonly<Record<string, number>>;
}

export interface EffectivePolicy extends Policy {
  routeClass: RouteClass;
  unit: Unit;
}

/** Policies with the limits that hold for a tenant, by route class. */
export type EffectivePolicies = Readonly<Record<RouteClass, readonly EffectivePolicy[]>>;

/** The tenant's own limit for a policy: its plan's, or what the platform owner set. */
export function ownLimit({ name, limits }: PlanPolicy, { plan, overrides }: LimitSettings): number {
  return Object.hasOwn(overrides, name) ? (overrides[name] as number) : limits[plan];
}

/** What a tenant may use at most of a tenant-wide policy: its own limit, or less where less is allotted. */
export function totalOf(policy: PlanPolicy, settings: LimitSettings): number {
  const own = ownLimit(policy, settings);
  return Object.hasOwn(settings.allotments, policy.name)
    ? Math.min(own, settings.allotments[policy.name] as number)
    : own;
}

/**
 * The policies that hold under these settings, each as one object for as long as they do. An allotment below the
 * tenant's own limit binds in its place: both count the same admissions, so it holds from the moment it is set.
 */
export function effectivePolicies(settings: LimitSettings): EffectivePolicies {
  const all = POLICIES.map((policy): EffectivePolicy => {
    const { name, routeClass, scope, unit, windowS } = policy;
    const limit = ownLimit(policy, settings);
    const own: EffectivePolicy = { name, routeClass, scope, unit, windowS, limit };
    const total = totalOf(policy, settings);
    return scope === "tenant" && total < limit ? { ...own, allotted: total } : own;
  });
  return Object.groupBy(all, ({ routeClass }) => routeClass) as EffectivePolicies;
}

/**
 * The policies that apply to a call of a class by these subjects, with what it costs. Throws a RangeError when none
 * would: a call that nothing limits is a mistake in the code.
 */
export function applicationsOf(
  policies: readonly EffectivePolicy[],
  subjects: Subjects,
  costs: Partial<Record<Unit, number>> = {},
): Application[] {
  const applications: Application[] = [];
  for (const policy of policies) {
    const subject = policy.scope === "tenant" ? "" : subjects[policy.scope];
    if (subject !== undefined) applications.push({ policy, subject, cost: costs[policy.unit] ?? 1 });
  }
  if (applications.length === 0) throw new RangeError("no limit applies to this call");
  return applications;
}

/** The largest limit of a key's own: as much as is counted to the millisecond. */
export const MOST_CALLS_PER_HOUR = LARGEST_EXACT_LIMIT;

/** What headers and a 429 call it. */
export const KEY_CALLS = "key-calls";

/** A key's own limit, beside those of the plan: so many calls in any hour, whatever they ask. */
export function keyCalls(limit: number): EffectivePolicy {
  return { name: KEY_CALLS, routeClass: "account", scope: "key", unit: "requests", limit, windowS: 3600 };
}

/** A family of the reseller tree whose limits must add up: `parent` divides, `children` share. */
export interface LimitFamily {
  parent: LimitSettings;
  children: readonly LimitSettings[];
}

/**
 * Names of the tenant-wide policies of which the children together would have more than the parent, and more (or the
 * parent less) than before: what did not add up already may be mended step by step.
 */
export function overdrawn(before: LimitFamily, after: LimitFamily): string[] {
  const sums = ({ parent, children }: LimitFamily, policy: PlanPolicy) => ({
    total: totalOf(policy, parent),
    shared: children.reduce((sum, child) => sum + totalOf(policy, child), 0),
  });
  return POLICIES.filter((policy) => {
    if (policy.scope !== "tenant") return false;
    const [was, is] = [sums(before, policy), sums(after, policy)];
    return is.shared > is.total && (is.shared > was.shared || is.total < was.total);
  }).map(({ name }) => name);
}

/** Whether a policy can be divided among tenants below. */
export function isDivisible(name: string): boolean {
  return policyNamed(name)?.scope === "tenant";
}
