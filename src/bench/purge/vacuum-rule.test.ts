import { expect, test } from "vitest";
import { VacuumRule } from "./vacuum-rule.ts";

test("a table is due once more than fifty and a fifth of its rows are dead, and anew after that", () => {
  const rule = new VacuumRule();
  rule.deleted("a", 250, 750);
  rule.deleted("b", 10, 0);
  expect(rule.due()).toEqual([]);
  rule.deleted("a", 1, 749);
  expect(rule.due()).toEqual(["a"]);
  rule.deleted("a", 200, 749);
  expect(rule.due()).toEqual([]);
  rule.deleted("a", 100, 649);
  expect(rule.due()).toEqual(["a"]);
});
