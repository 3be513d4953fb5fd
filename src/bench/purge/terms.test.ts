import { expect, test } from "vitest";
import { startOfTime, TENANTS } from "./terms.ts";

test("simulated time begins with a month of thirty days, after today", () => {
  const start = (now: string) => new Date(startOfTime(Date.parse(now))).toISOString();
  expect(start("2026-11-21T07:00:00Z")).toBe("2027-04-01T00:00:00.000Z");
  expect(start("2027-04-01T00:00:00Z")).toBe("2027-06-01T00:00:00.000Z");
  expect(start("2026-10-31T23:59:59Z")).toBe("2026-11-01T00:00:00.000Z");
});

test("every tenant has an id of its own and one of the windows", () => {
  expect(new Set(TENANTS.map(({ id }) => id)).size).toBe(30);
  for (const months of [1, 12, 24]) expect(TENANTS.filter((tenant) => tenant.months === months)).toHaveLength(10);
});
