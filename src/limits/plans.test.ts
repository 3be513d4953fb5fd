import { expect, test } from "vitest";
import table from "./plans.json" with { type: "json" };
import { limitProblem, PLANS, POLICIES, policyNamed, readPlans } from "./plans.ts";
import { ROUTE_CLASSES, type RouteClass } from "./route-classes.ts";
import { applicationsOf, effectivePolicies, overdrawn } from "./settings.ts";

const line = {
  name: "p",
  class: "alive",
  scope: "tenant",
  windowS: 60,
  limits: { free: 1, team: 2, enterprise: 3 },
};
const named = { ...line, name: "a-policy" };

test("every plan limits every class of calls, and a larger plan never by less", () => {
  for (const routeClass of Object.keys(ROUTE_CLASSES) as RouteClass[]) {
    const policies = POLICIES.filter((policy) => policy.routeClass === routeClass);
    expect(policies, routeClass).not.toEqual([]);
    for (const { name, limits } of policies) {
      const byPlan = PLANS.map((plan) => limits[plan]);
      expect(byPlan, name).toEqual(byPlan.toSorted((a, b) => a - b));
    }
  }
});

test.each([
  ["a name of one letter", line],
  ["a name in capitals", { ...named, name: "Policy" }],
  ["no class", { ...named, class: "toString" }],
  ["no scope", { ...named, scope: "planet" }],
  ["no unit", { ...named, unit: "constructor" }],
  ["no window", { ...named, windowS: "week" }],
  ["a window of nothing", { ...named, windowS: 0 }],
  ["a window of 32 days", { ...named, windowS: 32 * 86_400 }],
  ["a plan too few", { ...named, limits: { free: 1, team: 2 } }],
  ["a plan too many", { ...named, limits: { ...named.limits, gold: 4 } }],
  ["a broken limit", { ...named, limits: { ...named.limits, free: 0.5 } }],
  ["a limit below the cost of a call", { ...named, unit: "credits" }],
  ["a limit below the least", { ...named, least: 2 }],
])("a table with %s is refused", (_, wrong) => {
  expect(() => readPlans({ policies: [wrong as never] })).toThrow(RangeError);
});

test("two policies of one name are refused, and the table itself is not", () => {
  expect(() => readPlans({ policies: [named, named] })).toThrow(RangeError);
  expect(readPlans({ policies: [named] })).toHaveLength(1);
  expect(readPlans(table)).toEqual(POLICIES);
});

test("what may be set for a policy", () => {
  const requests = { unit: "requests", least: 0 } as const;
  expect([0, 1, 10_000_000].map((limit) => limitProblem(requests, limit))).toEqual([null, null, null]);
  for (const limit of [-1, 1.5, 10_000_001, Number.NaN]) expect(limitProblem(requests, limit)).not.toBeNull();
  const credits = { unit: "credits", least: 0 } as const;
  expect([0, 1_000].map((limit) => limitProblem(credits, limit))).toEqual([null, null]);
  for (const limit of [1, 999]) expect(limitProblem(credits, limit)).not.toBeNull();
  expect(policyNamed("__proto__")).toBeNull();
});

test("a call that no policy would count is a mistake in the code, not a call without limits", () => {
  const policies = effectivePolicies({ plan: "free", overrides: {}, allotments: {} });
  expect(() => applicationsOf(policies.account, {})).toThrow(RangeError);
  expect(applicationsOf(policies.account, { key: "k" }).map(({ policy }) => policy.name)).toEqual(["account-key"]);
});

test("only what makes it worse is refused", () => {
  const tenant = (total: number, allotted?: number) => ({
    plan: "free" as const,
    overrides: { "alive-tenant": total },
    allotments: allotted === undefined ? {} : { "alive-tenant": allotted },
  });
  const family = (parent: number, ...children: [number, number?][]) => ({
    parent: { ...tenant(parent), plan: "enterprise" as const },
    children: children.map(([total, allotted]) => tenant(total, allotted)),
  });
  expect(overdrawn(family(100, [60]), family(100, [60], [40]))).toEqual([]);
  expect(overdrawn(family(100, [60]), family(100, [60], [41]))).toEqual(["alive-tenant"]);
  // What a client is allotted beyond its own limit gives it nothing.
  expect(overdrawn(family(100, [60]), family(100, [60, 900], [40]))).toEqual([]);
  expect(overdrawn(family(100, [90], [90]), family(100, [90], [90, 50]))).toEqual([]);
  expect(overdrawn(family(100, [90], [90]), family(99, [90], [90]))).toEqual(["alive-tenant"]);
});
