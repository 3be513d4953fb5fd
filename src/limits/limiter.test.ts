import fc from "fast-check";
import { expect, test } from "vitest";
import { type Application, type Decision, Limiter, type LimiterBounds, type Write } from "./limiter.ts";
import { ELSEWHERE, type SpentRow } from "./meter.ts";
import { packRuns } from "./packed-runs.ts";
import type { Policy } from "./policy.ts";

const START = 1_795_000_000_000;

/** What outlives a limiter, as SQLite does, and the limiter of now. */
class Kept {
  readonly #rows = new Map<string, Map<number, SpentRow>>();
  readonly #bounds: LimiterBounds | undefined;
  #limiter: Limiter;
  writes = 0;

  constructor(bounds?: LimiterBounds) {
    this.#bounds = bounds;
    this.#limiter = this.#fresh();
  }
  #fresh(): Limiter {
    return new Limiter((policy, subject) => [...this.#of(policy.name, subject).values()], this.#bounds);
  }
  #of(policy: string, subject: string): Map<number, SpentRow> {
    const key = `${policy} ${subject}`;
    const rows = this.#rows.get(key) ?? new Map<number, SpentRow>();
    this.#rows.set(key, rows);
    return rows;
  }
  #write(writes: readonly Write[]): void {
    for (const { policy, subject, row } of writes) {
      const rows = this.#of(policy, subject);
      if (row.replacesAll) for (const seq of rows.keys()) if (seq !== ELSEWHERE) rows.delete(seq);
      rows.set(row.seq, row);
    }
  }
  restart(): void {
    this.#limiter = this.#fresh();
  }
  settle(now: number): void {
    this.#write(this.#limiter.settle(now));
  }
  /** Forgets what has expired, as a gate does. */
  forget(now: number): void {
    for (const rows of this.#rows.values()) {
      for (const [seq, row] of rows) if (row.expiresAt <= now) rows.delete(seq);
    }
  }
  look(application: Application, now: number): void {
    this.#write(this.#limiter.look(application, now).writes);
  }
  take(applications: readonly Application[], now: number, durable = true): Decision {
    const { decision, writes, elsewhere } = this.#limiter.take(applications, now);
    if (!durable) return decision;
    this.#write(writes);
    this.writes += writes.length;
    if (elsewhere) {
      const { policy, subject } = applications.find((each) => each.elsewhere) as Application;
      const stamps = packRuns([[now, 1]], now);
      const row = { seq: ELSEWHERE, openedAt: now, stamps, reserved: 0, lapsesAt: 0, expiresAt: now + 10 ** 10 };
      this.#of(policy.name, subject).set(ELSEWHERE, row);
    }
    return decision;
  }
}

/** The naive count of one policy and subject: every admission, one by one. */
class Oracle {
  #stamps: number[] = [];
  /** Those too that had left the window before the clock stepped back: a row may still name them after a restart. */
  #all: number[] = [];
  readonly windowMs: number;
  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }
  held(now: number): { exact: number; atMost: number } {
    const within = (at: number) => at > now - this.windowMs;
    this.#all = this.#all.map((at) => Math.min(at, now));
    // What has left the window once does not come back.
    this.#stamps = this.#stamps.map((at) => Math.min(at, now)).filter(within);
    return { exact: this.#stamps.length, atMost: this.#all.filter(within).length };
  }
  /**
   * What has left its window when it is written or deleted is gone, whatever the clock reads later; what a step back has
   * left in the future counts from then on as of then.
   */
  forget(now: number): void {
    this.#stamps = this.#stamps.map((at) => Math.min(at, now)).filter((at) => at > now - this.windowMs);
  }
  add(now: number, cost: number): void {
    for (let i = 0; i < cost; i++) {
      this.#stamps.push(now);
      this.#all.push(now);
    }
  }
}

const policyArbitrary = fc.record({
  scope: fc.constantFrom<Policy["scope"]>("tenant", "instance"),
  limit: fc.constantFrom(0, 1, 5, 30, 99, 100, 250, 1_000, 3_000),
  windowS: fc.constantFrom(1, 2, 7, 60),
});

const eventArbitrary = fc.record({
  stepMs: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 900 }) },
    // Less than a second is no step: it is forgotten by a restart.
    { weight: 1, arbitrary: fc.integer({ min: -30_000, max: -1_001 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 70_000 }) },
  ),
  calls: fc.integer({ min: 1, max: 150 }),
  cost: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 40 }) }),
  subject: fc.constantFrom("a", "b", "c"),
  before: fc.constantFrom("nothing", "nothing", "nothing", "evict", "settle", "forget", "crash", "look", "change"),
  limit: fc.constantFrom(1, 30, 99, 100, 1_000, 3_000),
  elsewhere: fc.boolean(),
});

test("random policies, arrivals, costs, evictions, changes and clock steps: never over, refused only with reason", () => {
  fc.assert(
    fc.property(
      fc.array(policyArbitrary, { minLength: 1, maxLength: 4 }),
      fc.array(eventArbitrary, { minLength: 1, maxLength: 60 }),
      fc.constantFrom({ meters: 3, bytes: 1_000_000 }, { meters: 1_000, bytes: 2_000 }, undefined),
      (shapes, events, bounds) => {
        const policies = shapes.map((shape, index): Policy => ({ name: `p${index}`, ...shape }));
        let largest = Math.max(...policies.map(({ limit }) => limit));
        const kept = new Kept(bounds);
        const oracles = new Map<string, Oracle>();
        let now = START;
        let evicted = false;
        let steppedBack = false;
        for (const { stepMs, calls, cost, subject, before, elsewhere, limit: changed } of events) {
          now += stepMs;
          steppedBack ||= stepMs < 0;
          if (before === "settle") kept.settle(now);
          if (before === "forget") kept.forget(now);
          if (before === "settle" || before === "forget") for (const oracle of oracles.values()) oracle.forget(now);
          if (before === "change") {
            policies[0] = { ...(policies[0] as Policy), limit: changed };
            largest = Math.max(largest, changed);
          }
          const applications = policies.map((policy, index) => ({
            policy,
            subject: policy.scope === "tenant" ? "" : subject,
            cost,
            elsewhere: elsewhere && index === 0 && cost === 1,
          }));
          if (before === "look") for (const application of applications) kept.look(application, now);
          if (before === "crash") kept.take(applications, now, false);
          if (before === "evict" || before === "crash") kept.restart();
          evicted ||= before === "evict" || before === "crash" || bounds !== undefined;
          for (let i = 0; i < calls; i++) {
            const held = applications.map(({ policy, subject: own }) => {
              const key = `${policy.name} ${own}`;
              const oracle = oracles.get(key) ?? new Oracle((policy.windowS as number) * 1_000);
              oracles.set(key, oracle);
              return { oracle, limit: policy.limit, ...oracle.held(now) };
            });
            const { admitted, states, violated } = kept.take(applications, now);
            if (admitted) {
              for (const { oracle, limit, exact } of held) {
                expect(exact + cost).toBeLessThanOrEqual(limit);
                oracle.add(now, cost);
              }
              continue;
            }
            expect(violated.length).toBeGreaterThan(0);
            for (const name of violated) {
              const index = policies.findIndex((policy) => policy.name === name);
              const { limit, exact, atMost } = held[index] as (typeof held)[number];
              // What was lost under a larger limit still counts; so may, after a step back, the one noted elsewhere.
              const slack = evicted ? Math.floor(largest / 100) + (steppedBack ? 1 : 0) : 0;
              expect((steppedBack ? atMost : exact) + cost + slack).toBeGreaterThan(limit);
              expect(states[index]?.remaining).toBeLessThan(cost);
            }
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

const tenantPolicy = (limit: number, windowS: Policy["windowS"] = 60, name = "p"): Policy => ({
  name,
  scope: "tenant",
  limit,
  windowS,
});
const one = (policy: Policy, cost = 1): Application[] => [{ policy, subject: "", cost }];

function admittedOf(kept: Kept, policy: Policy, calls: number, now: number): number {
  let admitted = 0;
  for (let i = 0; i < calls; i++) if (kept.take(one(policy), now + i).admitted) admitted += 1;
  return admitted;
}

test("refused by one policy is charged by none", () => {
  const kept = new Kept();
  const of = (subject: string): Application[] => [
    { policy: { name: "caller", scope: "instance", limit: 2, windowS: 60 }, subject },
    { policy: { name: "tenant", scope: "tenant", limit: 10, windowS: 60 }, subject: "" },
  ];
  for (let i = 0; i < 5; i++) kept.take(of("a"), START);
  const { admitted, states } = kept.take(of("b"), START);
  expect(admitted).toBe(true);
  expect(states.map((state) => [state.name, state.remaining])).toEqual([
    ["caller", 1],
    ["tenant", 7],
  ]);
  expect(kept.take(of("a"), START)).toMatchObject({ admitted: false, violated: ["caller"], retryAfterS: 60 });
});

test("pause, evict, repeat: all evictions of a window together lose at most 1 % of the limit", () => {
  for (const limit of [100, 1_000, 10_000]) {
    const kept = new Kept();
    const policy = tenantPolicy(limit, 86_400);
    let admitted = 0;
    for (let life = 0; life < 400; life++) {
      admitted += admittedOf(kept, policy, 1 + (life % 97), START + life * 10_000);
      kept.restart();
    }
    expect(admitted).toBeLessThanOrEqual(limit);
    expect(admitted).toBeGreaterThanOrEqual(limit - limit / 100);
  }
});

test("a settled limiter loses nothing by a restart", () => {
  const kept = new Kept();
  const policy = tenantPolicy(10_000);
  let admitted = 0;
  for (let life = 0; life < 20; life++) {
    admitted += admittedOf(kept, policy, 333, START + life * 1_000);
    kept.settle(START + life * 1_000 + 500);
    kept.restart();
  }
  expect(admitted + admittedOf(kept, policy, 10_000, START + 21_000)).toBe(10_000);
});

test("writes: every admission below 100, next to none above", () => {
  const small = new Kept();
  admittedOf(small, tenantPolicy(99), 99, START);
  expect(small.writes).toBe(99);
  const large = new Kept();
  expect(admittedOf(large, tenantPolicy(100_000, 600), 100_000, START)).toBe(100_000);
  expect(large.writes).toBeLessThan(500);
});

test("what is alone in its window may stand in another row, and still counts after a restart", () => {
  const kept = new Kept();
  const policy: Policy = { name: "p", scope: "instance", limit: 2, windowS: 60 };
  const call = (now: number) => kept.take([{ policy, subject: "a", elsewhere: true }], now);
  expect(call(START).admitted).toBe(true);
  expect(kept.writes).toBe(0);
  kept.restart();
  expect(call(START + 1_000).admitted).toBe(true);
  expect(kept.writes).toBe(1);
  kept.restart();
  expect(call(START + 2_000)).toMatchObject({ admitted: false, retryAfterS: 58 });
  kept.restart();
  expect(call(START + 60_000).admitted).toBe(true);
  kept.restart();
  expect(call(START + 60_999).admitted).toBe(false);
  expect(call(START + 61_000).admitted).toBe(true);
});

test("a plan changed in mid-window binds at once, in both directions and through a restart", () => {
  for (const restart of [false, true]) {
    const kept = new Kept();
    expect(admittedOf(kept, tenantPolicy(5_000), 4_000, START)).toBe(4_000);
    if (restart) {
      kept.settle(START + 4_000);
      kept.restart();
    }
    expect(kept.take(one(tenantPolicy(4_000)), START + 4_000)).toMatchObject({
      admitted: false,
      states: [{ limit: 4_000, remaining: 0 }],
    });
    expect(admittedOf(kept, tenantPolicy(4_500), 1_000, START + 5_000)).toBe(500);
    expect(kept.take(one(tenantPolicy(10)), START + 59_000)).toMatchObject({ admitted: false });
    expect(kept.take(one(tenantPolicy(5_000, 3_600)), START + 63_000).states[0]?.remaining).toBeLessThan(5_000);
  }
});

test("a month's quota, and a cost above a limit, which waits for ever", () => {
  const kept = new Kept();
  const quota = tenantPolicy(1_000, "month", "credits");
  const november = Date.UTC(2026, 10, 30, 23, 59);
  expect(kept.take(one(quota, 900), november)).toMatchObject({ admitted: true, states: [{ remaining: 100 }] });
  kept.restart();
  expect(kept.take(one(quota, 200), november)).toMatchObject({
    admitted: false,
    violated: ["credits"],
    retryAfterS: 60,
  });
  expect(kept.take(one(quota, 1_001), november).retryAfterS).toBe(Number.POSITIVE_INFINITY);
  expect(kept.take(one(quota, 1_000), november + 60_000).admitted).toBe(true);
  expect(kept.take(one(tenantPolicy(0)), november)).toMatchObject({ admitted: false, retryAfterS: Infinity });
});

test("what lies above is named upstream-limit and shows no figures", () => {
  const kept = new Kept();
  const own = tenantPolicy(100, 60, "own");
  expect(kept.take(one({ ...own, allotted: 1 }), START)).toMatchObject({ admitted: true, violated: [] });
  const refused = kept.take(one({ ...own, allotted: 1 }), START + 1_000);
  expect(refused).toMatchObject({ admitted: false, violated: ["upstream-limit"], retryAfterS: 59 });
  expect(refused.states).toEqual([{ name: "own", limit: 100, windowS: 60, remaining: 99, resetS: 59 }]);
  expect(kept.take(one({ ...own, allotted: 3 }, 4), START + 1_000).retryAfterS).toBe(Number.POSITIVE_INFINITY);
});

test("an allotment counts what was used before it was set, and after it was taken back", () => {
  for (const windowS of [60, "month"] as const) {
    const kept = new Kept();
    const own = tenantPolicy(100, windowS, "own");
    expect(admittedOf(kept, own, 60, START)).toBe(60);
    expect(admittedOf(kept, { ...own, allotted: 50 }, 10, START + 100)).toBe(0);
    expect(admittedOf(kept, { ...own, allotted: 70 }, 20, START + 200)).toBe(10);
    kept.restart();
    expect(admittedOf(kept, own, 200, START + 300)).toBe(30);
  }
});

test("what a limiter says it holds is what it holds, whatever came and went", () => {
  const limiter = new Limiter(() => []);
  const policies = [tenantPolicy(5_000, 10, "a"), tenantPolicy(200_000, 1, "b"), tenantPolicy(900, 7, "c")];
  let now = START;
  for (let i = 0; i < 50_000; i++) {
    now += i % 5_000 === 0 ? 30_000 : i % 3;
    limiter.take(
      policies.map((policy) => ({ policy, subject: i % 7 === 0 ? "x" : "y" })),
      now,
    );
  }
  limiter.take(
    policies.flatMap((policy) => ["x", "y"].map((subject) => ({ policy, subject }))),
    now + 60_000,
  );
  const { meters, bytes } = limiter.held;
  expect(meters).toBe(6);
  // One admission in each: a segment, or a bucket and as many empty ones as are kept.
  expect(bytes).toBeLessThan(6_000);
});

test("100,000 distinct instances: few meters are held, and each is still counted", () => {
  const kept = new Kept({ meters: 1_000, bytes: 10_000_000 });
  const policy: Policy = { name: "p", scope: "instance", limit: 1, windowS: 3_600 };
  const call = (subject: number, now: number) => kept.take([{ policy, subject: `i${subject}` }], now).admitted;
  for (let i = 0; i < 100_000; i++) if (!call(i, START)) expect.fail(`${i} was refused`);
  for (let i = 0; i < 100_000; i += 1_111) expect(call(i, START + 1)).toBe(false);
});
