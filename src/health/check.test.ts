import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Sql } from "../db/connect.ts";
import { healthCheck } from "./check.ts";

/** How often Postgres is asked, with a driver in its place whose answers come when the test says. */

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function driver() {
  const asked: PromiseWithResolvers<Record<string, unknown>[]>[] = [];
  const sql: Sql = {
    query: () => {
      const answer = Promise.withResolvers<Record<string, unknown>[]>();
      asked.push(answer);
      return answer.promise;
    },
  };
  return { asked, check: healthCheck(sql, { now: () => Date.now() }) };
}

test("fifty at once ask once, and all hear the same; the next after five seconds asks again", async () => {
  const { asked, check } = driver();
  const answers = Array.from({ length: 50 }, () => check());
  expect(asked).toHaveLength(1);
  asked[0]?.resolve([]);
  expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set(["ok"]));
  vi.advanceTimersByTime(5_000);
  const later = check();
  expect(asked).toHaveLength(2);
  asked[1]?.reject(new Error("gone"));
  expect((await later).status).toBe("degraded");
  expect(vi.getTimerCount()).toBe(0);
});

test("a check that died with its request holds nobody up for longer than two seconds", async () => {
  const { asked, check } = driver();
  void check();
  const waiting = [check(), check()];
  await vi.advanceTimersByTimeAsync(1_999);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toHaveLength(2);
  asked[1]?.resolve([]);
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(["ok", "ok"]);
});
