import { expect, test } from "vitest";
import { boundsOf } from "./fan-out.ts";

const START = Date.UTC(2027, 3, 1);
const until = (unit: "day" | "month" | "quarter", end: string) =>
  boundsOf(unit, START, Date.parse(end)).map((bound) => new Date(bound).toISOString().slice(0, 10));

test("each granularity has its own bounds, up to the first at or after the end", () => {
  expect(until("day", "2027-04-03T00:00:00Z")).toEqual(["2027-04-01", "2027-04-02", "2027-04-03"]);
  expect(until("month", "2027-05-02T00:00:00Z")).toEqual(["2027-04-01", "2027-05-01", "2027-06-01"]);
  expect(until("quarter", "2027-12-31T00:00:00Z")).toEqual(["2027-04-01", "2027-07-01", "2027-10-01", "2028-01-01"]);
});

test("a quarter is the one in which time begins", () => {
  expect(boundsOf("quarter", Date.UTC(2027, 5, 1), Date.UTC(2027, 6, 1))).toEqual([START, Date.UTC(2027, 6, 1)]);
});
