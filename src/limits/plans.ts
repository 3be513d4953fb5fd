import table from "./plans.json" with { type: "json" };
import { checkLimit, checkWindow, LARGEST_LIMIT, type Policy, SCOPES, type Scope } from "./policy.ts";
import { LARGEST_COST, ROUTE_CLASSES, type RouteClass, type Unit } from "./route-classes.ts";

export const PLANS = ["free", "team", "enterprise"] as const;
export type Plan = (typeof PLANS)[number];

/** One line of `plans.json`: a policy, and its limit under each plan. */
export interface PlanPolicy {
  name: string;
  routeClass: RouteClass;
  scope: Scope;
  unit: Unit;
  windowS: Policy["windowS"];
  /** Nobody may set less: who closed the way to the settings could not open it again. */
  least: number;
  limits: Readonly<Record<Plan, number>>;
}

/** Every policy, in the order in which headers name them. */
export const POLICIES: readonly PlanPolicy[] = readPlans(table);

const BY_NAME: ReadonlyMap<string, PlanPolicy> = new Map(POLICIES.map((policy) => [policy.name, policy]));

/** The policy of this name, or null. */
export function policyNamed(name: string): PlanPolicy | null {
  return BY_NAME.get(name) ?? null;
}

/** What is wrong with a limit for this policy, in one sentence, or null. 0 closes what the policy counts. */
export function limitProblem({ unit, least }: Pick<PlanPolicy, "unit" | "least">, limit: number): string | null {
  if (!Number.isSafeInteger(limit) || limit < 0 || limit > LARGEST_LIMIT) {
    return `must be a whole number from 0 to ${LARGEST_LIMIT}`;
  }
  if (limit < least) return `must be at least ${least}: settings are changed through it`;
  // What can never be admitted must not look as if waiting helped.
  if (limit > 0 && limit < LARGEST_COST[unit]) {
    return `must be 0, which closes it, or at least ${LARGEST_COST[unit]}, what one call may cost`;
  }
  return null;
}

interface Line {
  name: string;
  class: string;
  scope: string;
  unit?: string;
  least?: number;
  windowS: number | string;
  limits: Record<string, number>;
}

/** Reads the table of plans. Throws a RangeError that names the line that is wrong. */
export function readPlans({ policies }: { policies: readonly Line[] }): PlanPolicy[] {
  const names = new Set<string>();
  return policies.map((line) => {
    const { name, scope, unit = "requests", least = 0, windowS, limits } = line;
    const wrong = (what: string) => new RangeError(`plans.json: ${name}: ${what}`);
    if (!/^[a-z][a-z0-9-]{1,39}$/.test(name) || names.has(name)) throw wrong("is no name of its own");
    names.add(name);
    if (!Object.hasOwn(ROUTE_CLASSES, line.class)) throw wrong("names no route class");
    if (!SCOPES.some((known) => known === scope)) throw wrong("names no scope");
    if (!Object.hasOwn(LARGEST_COST, unit)) throw wrong("names no unit");
    if (windowS !== "month" && typeof windowS !== "number") throw wrong("names no window");
    if (Object.keys(limits).toSorted().join() !== PLANS.toSorted().join()) throw wrong("needs one limit a plan");
    const policy = { name, routeClass: line.class, scope, unit, windowS, least, limits } as PlanPolicy;
    if (windowS !== "month") checkWindow(windowS * 1000);
    for (const limit of Object.values(limits)) {
      checkLimit(limit);
      const problem = limitProblem(policy, limit);
      if (problem !== null) throw wrong(problem);
    }
    return policy;
  });
}
