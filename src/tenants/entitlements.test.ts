import { expect, test } from "vitest";
import { PLANS, policyNamed } from "../limits/plans.ts";
import { SCHEDULE } from "../privacy/schedule.ts";
import { entitlementsOf } from "./entitlements.ts";

test("a plan's entitlements are what its limits and the retention schedule really give it", () => {
  for (const plan of PLANS) {
    const credits = policyNamed("assistant-credits")?.limits[plan] ?? 0;
    const windows = Object.values(SCHEDULE).some(({ mayVary }) => mayVary?.by.startsWith(`${plan} plan`));
    const given = [...(credits > 0 ? ["assistant"] : []), ...(windows ? ["own-retention"] : [])];
    expect(entitlementsOf(plan), plan).toEqual(given);
  }
});
