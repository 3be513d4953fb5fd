import fc from "fast-check";
import { expect, test } from "vitest";
import type { Run } from "./admission-log.ts";
import { packRuns, unpackRuns } from "./packed-runs.ts";

const BASE = 1_795_000_000_000;

test("what is packed is read back, weeks apart or all at once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 31 * 86_400_000 }), fc.integer({ min: 1, max: 10_000_000 }))),
      (steps) => {
        let stamp = BASE;
        const runs = steps.map(([step, count]): Run => {
          stamp += step;
          return [stamp, count];
        });
        expect(unpackRuns(packRuns(runs, BASE), BASE)).toEqual(runs);
      },
    ),
  );
});

test("a busy second takes two bytes an admission", () => {
  const runs = Array.from({ length: 500 }, (_, i): Run => [BASE + 2 * i, 1]);
  expect(packRuns(runs, BASE).length).toBe(1_000);
});

test("bytes that are cut, or no numbers, are refused", () => {
  const bytes = packRuns([[BASE + 300, 300]], BASE);
  expect(() => unpackRuns(bytes.subarray(0, 3), BASE)).toThrow(RangeError);
  expect(() => unpackRuns(bytes.subarray(0, 2), BASE)).toThrow(RangeError);
  expect(() => unpackRuns(new Uint8Array(20).fill(255), BASE)).toThrow(RangeError);
});
