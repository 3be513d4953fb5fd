import fc from "fast-check";
import { expect, test } from "vitest";
import { nextPingAt, pingedToday, retryDelay } from "./cadence.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const dayOf = (ms: number) => Math.floor(ms / DAY_MS);
const moment = fc.integer({ min: 0, max: 4e12 });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("the next ping is on the next UTC day, 20 to 28 hours later or nearer to 24 for midnight's sake", () => {
  fc.assert(
    fc.property(moment, chance, (lastAtMs, random) => {
      const next = nextPingAt(lastAtMs, random);
      expect(dayOf(next)).toBe(dayOf(lastAtMs) + 1);
      expect(Math.abs(next - lastAtMs - DAY_MS)).toBeLessThanOrEqual(4 * HOUR_MS + 1);
      expect(pingedToday(lastAtMs, next)).toBe(false);
    }),
  );
});

test("instances that began in the same second are spread over the day after some weeks, midnight not preferred", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const hours = Array<number>(24).fill(0);
  for (let instance = 0; instance < 2_400; instance++) {
    let atMs = Date.UTC(2026, 0, 1, 9);
    for (let day = 0; day < 60; day++) atMs = nextPingAt(atMs, random());
    const hour = new Date(atMs).getUTCHours();
    hours[hour] = (hours[hour] ?? 0) + 1;
  }
  expect(Math.max(...hours)).toBeLessThan(170);
  expect(Math.min(...hours)).toBeGreaterThan(50);
});

test("a day has its ping until it ends, and a clock that was years ahead once does not silence it", () => {
  const noon = Date.UTC(2026, 10, 21, 12);
  const cases: [number | null, boolean][] = [
    [null, false],
    [noon, true],
    [noon - 12 * HOUR_MS, true],
    [noon - 12 * HOUR_MS - 1, false],
    [noon + HOUR_MS, true],
    [noon + DAY_MS, true],
    [noon + 400 * DAY_MS, false],
  ];
  for (const [last, expected] of cases) expect(pingedToday(last, noon), String(last)).toBe(expected);
});

test("full jitter: from nothing up to a bound that doubles to an hour, and never before the service wants it", () => {
  fc.assert(
    fc.property(fc.nat(100), chance, fc.nat(DAY_MS), (failures, random, retryAfterMs) => {
      const delay = retryDelay(failures, random, retryAfterMs);
      expect(delay).toBeGreaterThanOrEqual(retryAfterMs);
      expect(delay - retryAfterMs).toBeLessThanOrEqual(Math.min(HOUR_MS, 30_000 * 2 ** failures));
    }),
  );
  expect([0, 1, 2, 20].map((failures) => retryDelay(failures, 0.5))).toEqual([15_000, 30_000, 60_000, 1_800_000]);
  expect(retryDelay(3, Number.NaN)).toBe(retryDelay(3, 0.5));
});
