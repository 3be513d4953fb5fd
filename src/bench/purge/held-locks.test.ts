import { expect, test } from "vitest";
import { heldLocks, strongest } from "./held-locks.ts";

const looks = [
  { at: 0, modes: [] },
  { at: 1, modes: ["RowExclusiveLock"] },
  { at: 2, modes: ["RowExclusiveLock", "AccessExclusiveLock"] },
  { at: 4, modes: [] },
  { at: 5, modes: ["AccessExclusiveLock"] },
];

test("a lock is held from the look before it was seen to the one after: at most as long as it can have been", () => {
  expect(heldLocks(looks)).toEqual([
    { mode: "RowExclusiveLock", ms: 4 },
    { mode: "AccessExclusiveLock", ms: 3 },
    { mode: "AccessExclusiveLock", ms: 1 },
  ]);
  expect(heldLocks([])).toEqual([]);
});

test("the strongest is the one that keeps most others out, whatever the time", () => {
  expect(strongest(heldLocks(looks))).toEqual({ mode: "AccessExclusiveLock", ms: 3 });
  expect(strongest([])).toBeNull();
});
