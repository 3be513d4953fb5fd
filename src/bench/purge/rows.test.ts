import { expect, test } from "vitest";
import { instantOfRun, shares } from "./rows.ts";

test("a count is divided to the last row", () => {
  expect(shares(37, [1, 12, 24])).toEqual([1, 12, 24]);
  expect(shares(100, [1, 12, 24])).toEqual([2, 32, 66]);
  expect(shares(0, [1, 12, 24])).toEqual([0, 0, 0]);
});

test("runs are a day apart where all expires at a midnight, else an hour", () => {
  const startMs = Date.parse("2027-04-01T00:00:00Z");
  const at = (shape: "pings" | "executions", run: number) =>
    new Date(instantOfRun({ shape, startMs }, run)).toISOString();
  expect([at("pings", 0), at("pings", 4)]).toEqual(["2027-04-02T00:00:00.000Z", "2027-04-06T00:00:00.000Z"]);
  expect([at("executions", 0), at("executions", 4)]).toEqual(["2027-04-01T01:00:00.000Z", "2027-04-01T05:00:00.000Z"]);
});
