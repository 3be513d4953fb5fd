import { expect, test } from "vitest";
import { seeded } from "./random.ts";

test("a seed gives the same numbers, another seed others, all in [0, 1) and even", () => {
  const draw = (seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: 10_000 }, random);
  };
  const numbers = draw(1);
  expect(numbers).toEqual(draw(1));
  expect(numbers).not.toEqual(draw(2));
  expect(numbers.every((each) => each >= 0 && each < 1)).toBe(true);
  expect(numbers.reduce((sum, each) => sum + each, 0) / numbers.length).toBeCloseTo(0.5, 1);
});
