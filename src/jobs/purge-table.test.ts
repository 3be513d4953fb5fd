import { expect, it } from "vitest";
import { nextSize } from "./purge-table.ts";

/** So many rows that a batch takes 50 ms: at most four times as many as before, at most 10,000, at least one. */

it.each([
  [1_000, 50, 1_000],
  [1_000, 25, 2_000],
  [1_000, 100, 500],
  [1_000, 1, 4_000],
  [1_000, 0, 4_000],
  [4_000, 1, 10_000],
  [10_000, 1, 10_000],
  [1_000, 1_000_000, 1],
  [1, 400, 1],
  [1, 5, 4],
  [3, 50, 3],
])("batches of %i rows that take %i ms are followed by one of %i", (size, tookMs, next) => {
  expect(nextSize(size, tookMs)).toBe(next);
});
