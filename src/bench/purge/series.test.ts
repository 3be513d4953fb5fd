import { expect, test } from "vitest";
import { split } from "./series.ts";

test("a query that an expiry overtakes is under way during it, one that was answered before is not", () => {
  const samples = [
    { at: 0, ms: 5 },
    { at: 6, ms: 5 },
    { at: 12, ms: 1 },
    { at: 14, ms: 30 },
    { at: 50, ms: 1 },
  ];
  expect(split(samples, { from: 10, to: 20 })).toEqual({ before: [5], during: [5, 1, 30] });
});
