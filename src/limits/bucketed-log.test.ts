import fc from "fast-check";
import { expect, test } from "vitest";
import { BucketedLog } from "./bucketed-log.ts";

const START = 1_795_000_000_000;

test("never over, and refused only when less than 0.1 % of the limit, or of the window, is missing", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(100_001, 250_000, 10_000_000),
      fc.constantFrom(1_000, 60_000, 31 * 86_400_000),
      fc.array(
        fc.tuple(fc.double({ min: -0.01, max: 0.4, noNaN: true }), fc.double({ min: 0, max: 0.3, noNaN: true })),
        {
          maxLength: 120,
        },
      ),
      (limit, windowMs, arrivals) => {
        const log = new BucketedLog(limit, windowMs);
        let admissions: [number, number][] = [];
        let now = START;
        for (const [step, part] of arrivals) {
          now += Math.round(step * windowMs);
          admissions = admissions.map(([at, count]) => [Math.min(at, now), count]);
          const cost = 1 + Math.floor(part * limit);
          const held = (windowEnd: number) =>
            admissions.reduce((sum, [at, count]) => (at > windowEnd - windowMs ? sum + count : sum), 0);
          if (log.waitMs(now, cost) === 0) {
            expect(held(now) + cost).toBeLessThanOrEqual(limit);
            log.add(now, cost);
            admissions.push([now, cost]);
          } else {
            expect(held(now - windowMs / 1_000) + cost).toBeGreaterThan(limit - limit / 1_000);
          }
          expect(log.bytes).toBeLessThan(200_000);
        }
      },
    ),
  );
});

test("one at a time, as fast as can be: within a thousandth of the limit, in a few thousand buckets", () => {
  const [limit, windowMs] = [200_000, 60_000];
  const log = new BucketedLog(limit, windowMs);
  const admitted: number[] = [];
  let oldest = 0;
  for (let i = 0; i < 700_000; i++) {
    const now = START + Math.floor(i / 4);
    while ((admitted[oldest] ?? now) <= now - windowMs) oldest += 1;
    const held = admitted.length - oldest;
    if (log.waitMs(now) === 0) {
      if (held >= limit) expect.fail(`over the limit at ${i}`);
      log.add(now);
      admitted.push(now);
    } else if (held < limit - limit / 1_000) {
      expect.fail(`refused at ${held} of ${limit}`);
    }
  }
  expect(admitted.length).toBeGreaterThan(limit * 2);
  expect(log.bytes).toBeLessThan(200_000);
});

test("the wait is honest by its own count, and restoring counts nothing later than it was", () => {
  const log = new BucketedLog(200_000, 60_000);
  for (let i = 0; i < 200_000; i++) log.add(START + Math.floor(i / 10));
  const wait = log.waitMs(START + 30_000, 5);
  expect(log.waitMs(START + 30_000 + wait - 1, 5)).toBeGreaterThan(0);
  expect(log.waitMs(START + 30_000 + wait, 5)).toBe(0);
  const copy = new BucketedLog(200_000, 60_000);
  for (const run of log.newest(log.size)) copy.restore(run);
  expect(copy.newest(copy.size)).toEqual(log.newest(log.size));
  copy.add(START + 90_000);
  expect(copy.newest(1)).toEqual([[START + 90_000, 1]]);
});
