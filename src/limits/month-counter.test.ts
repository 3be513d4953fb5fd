import { expect, test } from "vitest";
import { MonthCounter } from "./month-counter.ts";

const at = (text: string) => Date.parse(`${text}Z`);

test("counts a calendar month in UTC, and from nothing at its first millisecond", () => {
  const quota = new MonthCounter(10);
  quota.add(at("2028-02-01T00:00:00.000"), 6);
  quota.add(at("2028-02-29T23:59:59.999"), 4);
  expect(quota.remaining(at("2028-02-29T23:59:59.999"))).toBe(0);
  expect(quota.waitMs(at("2028-02-29T23:59:59.999"))).toBe(1);
  expect(quota.waitMs(at("2028-03-01T00:00:00.000"), 10)).toBe(0);
  expect(quota.remaining(at("2028-03-01T00:00:00.000"))).toBe(10);
});

test("December ends with the year; a cost above the quota never fits", () => {
  const quota = new MonthCounter(1);
  quota.add(at("2026-12-31T12:00:00"));
  expect(quota.waitMs(at("2026-12-31T12:00:00"))).toBe(12 * 3_600_000);
  expect(quota.resetMs(at("2026-12-31T12:00:00"))).toBe(12 * 3_600_000);
  expect(quota.waitMs(at("2027-01-01T00:00:00"), 2)).toBe(Number.POSITIVE_INFINITY);
});

test("a clock that wavers at a month's border counts each month for itself", () => {
  const quota = new MonthCounter(100);
  const [november, december] = [at("2026-11-30T23:59:59.999"), at("2026-12-01T00:00:00")];
  quota.add(november, 100);
  quota.add(december, 1);
  expect(quota.remaining(november)).toBe(0);
  expect(quota.remaining(december)).toBe(99);
  expect(quota.waitMs(november)).toBe(1);
});

test("what a clock a year ahead has counted counts as of now, and locks nobody out for a year", () => {
  const quota = new MonthCounter(5);
  quota.add(at("2027-12-01T00:00:01"), 4);
  expect(quota.remaining(at("2026-11-30T23:59:59"))).toBe(1);
  expect(quota.remaining(at("2026-12-01T00:00:02"))).toBe(5);
});
