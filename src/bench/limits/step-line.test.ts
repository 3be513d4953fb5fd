import { expect, test } from "vitest";
import { heldByColumn, stepPath } from "./step-line.ts";

test("a column shows the most that was held in it, and a burst between two columns is not lost", () => {
  const held = heldByColumn([5, 6, 7], { beginMs: 0, columnMs: 10, columns: 4, windowMs: 10 });
  expect(held).toEqual([3, 3, 0, 0]);
});

test("a path goes in steps and says each height once", () => {
  const path = stepPath(
    [0, 2, 2, 1],
    (column) => column * 10,
    (value) => 100 - value,
  );
  expect(path).toBe("M0 100H10V98H30V99H40");
});
