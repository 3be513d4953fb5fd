import { expect, test } from "vitest";
import { lockWaits } from "./lock-waits.ts";

test("a wait that is over is read with its time, one that goes on is not counted twice", () => {
  const log = `
2027-04-01 00:00:00.001 UTC [42] LOG:  process 42 still waiting for AccessShareLock on relation 16400 of database 5 after 1.203 ms at character 15
2027-04-01 00:00:00.001 UTC [42] DETAIL:  Process holding the lock: 41. Wait queue: 42.
2027-04-01 00:00:00.034 UTC [42] LOG:  process 42 acquired AccessShareLock on relation 16400 of database 5 after 34.567 ms at character 15
2027-04-01 00:00:00.040 UTC [43] LOG:  process 43 acquired ShareLock on transaction 771 after 2.5 ms`;
  expect(lockWaits(log)).toEqual([
    { mode: "AccessShareLock", ms: 34.567 },
    { mode: "ShareLock", ms: 2.5 },
  ]);
  expect(lockWaits("")).toEqual([]);
});
