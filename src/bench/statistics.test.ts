import { expect, test } from "vitest";
import { median, percentile, ratios, spread } from "./statistics.ts";

test("a percentile is one of the values (nearest rank)", () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  expect([0, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100]);
  expect([percentile([7], 0.5), percentile([7], 0.99)]).toEqual([7, 7]);
  expect(percentile([1, 2], 0.51)).toBe(2);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
  expect(() => percentile([1], 99)).toThrow(RangeError);
});

test("a median takes numbers in any order and leaves them there", () => {
  const values = [10, 9, 100];
  expect([median(values), median([4, 1, 3, 2]), values]).toEqual([10, 2.5, [10, 9, 100]]);
  expect(spread([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
  expect(() => median([])).toThrow(RangeError);
});

test("ratios are taken run by run, before any median", () => {
  expect(ratios([5, 8, 1], [10, 10, 4])).toEqual([0.5, 0.8, 0.25]);
  expect(() => ratios([1], [])).toThrow(RangeError);
});
