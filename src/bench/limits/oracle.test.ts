import fc from "fast-check";
import { expect, test } from "vitest";
import { judge } from "./oracle.ts";

const TERMS = { limit: 2, windowS: 1 };

test("a window is open at its begin: what was admitted exactly a window ago counts no more", () => {
  expect(judge([0, 0, 1_000, 1_000], [true, true, true, true], TERMS)).toMatchObject({ most: 2, wronglyAdmitted: 0 });
  expect(judge([0, 0, 999], [true, true, true], TERMS)).toMatchObject({ most: 3, wronglyAdmitted: 1 });
});

test("refused is wrong where the window holds less than the limit, and only there", () => {
  expect(judge([0, 0, 999], [true, true, false], TERMS)).toMatchObject({ wronglyDenied: 0, shortfall: 0 });
  expect(judge([0, 0, 1_000], [true, true, false], TERMS)).toMatchObject({ wronglyDenied: 1, shortfall: 2 });
  expect(judge([0, 0], [true, false], TERMS)).toMatchObject({ wronglyDenied: 1, shortfall: 1 });
});

test("each is judged by its own admissions: too many at first make a later refusal right", () => {
  const verdict = judge([0, 1, 2, 3], [true, true, true, false], TERMS);
  expect(verdict).toEqual({ arrivals: 4, admitted: 3, most: 3, wronglyAdmitted: 1, wronglyDenied: 0, shortfall: 0 });
});

test("never wrongly admitted is the same as never more than the limit in any window", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.boolean()), { maxLength: 50 });
  fc.assert(
    fc.property(steps, (arrivals) => {
      let now = 0;
      const times = arrivals.map(([step]) => {
        now += step;
        return now;
      });
      const admitted = arrivals.map(([, each]) => each);
      const verdict = judge(times, admitted, TERMS);
      expect(verdict.wronglyAdmitted === 0).toBe(verdict.most <= TERMS.limit);
    }),
  );
});
