import { expect, test } from "vitest";
import { Ancestors } from "./ancestors.ts";

const NOW = 1_795_000_000_000;

function known(ageMs: number, gateIds: readonly string[] = ["a"]): Ancestors {
  const ancestors = new Ancestors();
  ancestors.are(gateIds);
  ancestors.heard(gateIds, ["active"], NOW - ageMs);
  return ancestors;
}

test.each([
  [0, "no"],
  [19_999, "no"],
  [20_000, "beside"],
  [49_999, "beside"],
  [50_000, "before"],
  [-1, "before"],
] as const)("what is %i ms old is asked for again: %s", (age, due) => {
  expect(known(age).due(NOW)).toBe(due);
});

test("nobody above: nobody is asked; nothing known: asked before anything is decided", () => {
  expect(known(0, []).due(NOW)).toBe("no");
  const ancestors = new Ancestors();
  ancestors.are(["a"]);
  expect(ancestors.due(NOW)).toBe("before");
});

test("one of those above that is not active suspends all below", () => {
  const gateIds = ["a", "b"];
  const ancestors = known(0, gateIds);
  for (const status of ["suspended", "closed"] as const) {
    ancestors.heard(gateIds, ["active", status], NOW);
    expect(ancestors.suspended).toBe(true);
    ancestors.heard(gateIds, ["active", "active"], NOW);
    expect(ancestors.suspended).toBe(false);
  }
});

test("unchanged news keeps what is known; an answer about those who were above before is of no use", () => {
  const asked = ["a"];
  const ancestors = known(0, asked);
  ancestors.are(["a"]);
  expect(ancestors.due(NOW)).toBe("no");
  ancestors.are(["b"]);
  ancestors.heard(asked, ["active"], NOW);
  expect(ancestors.due(NOW)).toBe("before");
});
