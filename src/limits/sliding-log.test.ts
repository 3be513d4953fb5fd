import fc from "fast-check";
import { expect, test } from "vitest";
import { LONGEST_WINDOW_S } from "./policy.ts";
import { SlidingLog } from "./sliding-log.ts";

const START = 1_795_000_000_000;

/** The definition, word for word: what was admitted in (now - window, now], counted one by one. */
class Oracle {
  #admitted: number[] = [];
  readonly limit: number;
  readonly windowMs: number;
  constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.windowMs = windowMs;
  }
  take(now: number, cost: number): boolean {
    this.#admitted = this.#admitted.map((at) => Math.min(at, now)).filter((at) => at > now - this.windowMs);
    if (this.#admitted.length + cost > this.limit) return false;
    this.#admitted.push(...Array.from({ length: cost }, () => now));
    return true;
  }
}

test("admits and refuses exactly as the definition, whatever arrives, also when the clock steps back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 500 }),
      fc.array(fc.tuple(fc.integer({ min: -50, max: 300 }), fc.integer({ min: 1, max: 9 })), { maxLength: 400 }),
      (limit, windowMs, arrivals) => {
        const [log, oracle] = [new SlidingLog(limit, windowMs), new Oracle(limit, windowMs)];
        let now = START;
        for (const [step, cost] of arrivals) {
          now += step;
          const admitted = log.waitMs(now, cost) === 0;
          if (admitted) log.add(now, cost);
          expect(admitted).toBe(oracle.take(now, cost));
        }
      },
    ),
  );
});

test("the wait is honest: after it the same call is admitted, a millisecond earlier it is not", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 1_000 }),
      fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (limit, windowMs, steps, cost) => {
        fc.pre(cost <= limit);
        const log = new SlidingLog(limit, windowMs);
        let now = 0;
        for (const step of steps) {
          now += step;
          if (log.waitMs(now) === 0) log.add(now);
        }
        const wait = log.waitMs(now, cost);
        if (wait === 0) return;
        expect(log.waitMs(now + wait - 1, cost)).toBeGreaterThan(0);
        expect(log.waitMs(now + wait, cost)).toBe(0);
      },
    ),
  );
});

test("a clock that was a day ahead for a moment locks nobody out for longer than a window", () => {
  const log = new SlidingLog(3, 60_000);
  log.add(START + 86_400_000, 3);
  expect(log.waitMs(START)).toBe(60_000);
  expect(log.waitMs(START + 60_000)).toBe(0);
});

test("a burst at a window's border is not admitted twice, as two fixed windows would", () => {
  const log = new SlidingLog(10, 60_000);
  const burst = (now: number) => {
    let admitted = 0;
    for (let i = 0; i < 10; i++) {
      if (log.waitMs(now) > 0) continue;
      log.add(now);
      admitted += 1;
    }
    return admitted;
  };
  expect(burst(59_999)).toBe(10);
  expect(burst(60_001)).toBe(0);
  expect(burst(119_998)).toBe(0);
  expect(burst(119_999)).toBe(10);
});

test("an admission takes two bytes, or four where they come slowly, and two segments beside; empty it takes none", () => {
  for (const [everyMs, bytes] of [
    [1, 2],
    [50, 2],
    [20_000, 4],
  ] as const) {
    const limit = 20_000;
    const log = new SlidingLog(limit, limit * everyMs);
    for (let i = 0; i < 2 * limit; i++) {
      if (log.waitMs(START + i * everyMs) === 0) log.add(START + i * everyMs);
      if (i % 97 === 0) expect(log.bytes).toBeLessThanOrEqual(bytes * (log.size + 2 * 1_024));
    }
    expect(log.size).toBe(limit);
    for (let gone = 0; gone <= limit + 97; gone += 97) {
      log.remaining(START + (2 * limit + gone) * everyMs);
      expect(log.bytes).toBeLessThanOrEqual(bytes * (log.size + 2 * 1_024));
    }
    expect([log.size, log.bytes]).toEqual([0, 0]);
  }
});

test("a cost above the limit never fits; the longest window and stamps weeks apart do", () => {
  expect(new SlidingLog(3, 1_000).waitMs(0, 4)).toBe(Number.POSITIVE_INFINITY);
  expect(new SlidingLog(0, 1_000).waitMs(0)).toBe(Number.POSITIVE_INFINITY);
  const oracle = new Oracle(3, LONGEST_WINDOW_S * 1000);
  const log = new SlidingLog(3, LONGEST_WINDOW_S * 1000);
  for (let day = 0; day < 400; day += 5) {
    const now = START + day * 86_400_000;
    const admitted = log.waitMs(now) === 0;
    if (admitted) log.add(now);
    expect(admitted).toBe(oracle.take(now, 1));
  }
  for (const [limit, windowMs] of [
    [-1, 1_000],
    [1.5, 1_000],
    [1, 0],
    [1, Number.NaN],
    [1, LONGEST_WINDOW_S * 1000 + 1],
  ] as const) {
    expect(() => new SlidingLog(limit, windowMs)).toThrow(RangeError);
  }
});
