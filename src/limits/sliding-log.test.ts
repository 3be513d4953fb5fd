import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_WINDOW_MS, SlidingLog } from "./sliding-log.ts";

/** The definition, word for word: what was admitted in (now - window, now], counted one by one. */
class Oracle {
  readonly admitted: number[] = [];
  #latest = Number.NEGATIVE_INFINITY;
  readonly limit: number;
  readonly windowMs: number;
  constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.windowMs = windowMs;
  }
  take(nowMs: number, cost: number): boolean {
    const now = Math.max(nowMs, this.#latest);
    this.#latest = now;
    const held = this.admitted.filter((at) => at > now - this.windowMs).length;
    if (held + cost > this.limit) return false;
    for (let i = 0; i < cost; i++) this.admitted.push(now);
    return true;
  }
}

test("admits and refuses exactly as the definition, whatever arrives, also when the clock steps back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 500 }),
      fc.array(fc.tuple(fc.integer({ min: -50, max: 300 }), fc.integer({ min: 1, max: 5 })), { maxLength: 400 }),
      (limit, windowMs, arrivals) => {
        const [log, oracle] = [new SlidingLog(limit, windowMs), new Oracle(limit, windowMs)];
        let now = 1_795_000_000_000;
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
      (limit, windowMs, steps) => {
        const log = new SlidingLog(limit, windowMs);
        let now = 0;
        for (const step of steps) {
          now += step;
          if (log.waitMs(now) === 0) log.add(now);
        }
        const wait = log.waitMs(now);
        if (wait === 0) return;
        expect(log.waitMs(now + wait - 1)).toBeGreaterThan(0);
        expect(log.waitMs(now + wait)).toBe(0);
      },
    ),
  );
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

test("a cost above the limit never fits; the longest window and stamps weeks apart do", () => {
  expect(new SlidingLog(3, 1_000).waitMs(0, 4)).toBe(Number.POSITIVE_INFINITY);
  const log = new SlidingLog(3, MAX_WINDOW_MS);
  for (let week = 0; week < 60; week++) {
    const now = week * 7 * 86_400_000;
    if (log.waitMs(now) === 0) log.add(now);
    expect(log.size).toBeLessThanOrEqual(3);
  }
  for (const [limit, windowMs] of [
    [-1, 1_000],
    [1.5, 1_000],
    [1, 0],
    [1, MAX_WINDOW_MS + 1],
  ] as const) {
    expect(() => new SlidingLog(limit, windowMs)).toThrow(RangeError);
  }
});
