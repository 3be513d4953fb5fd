import fc from "fast-check";
import { parseList } from "structured-headers";
import { expect, test } from "vitest";
import { rateLimitHeaders } from "./headers.ts";
import { type Decision, Limiter, type SpentChunk } from "./limiter.ts";
import { PLANS, type Policy, policiesOf } from "./plans.ts";

/** What outlives a limiter, as SQLite does, and the limiter of now. */
class Kept {
  readonly #chunks = new Map<string, SpentChunk[]>();
  #limiter = this.#fresh();

  #fresh(): Limiter {
    return new Limiter((policy, subject) => this.#chunks.get(`${policy.name} ${subject}`) ?? []);
  }

  restart(): void {
    this.#limiter = this.#fresh();
  }

  take(policies: readonly Policy[], caller: string, nowMs: number): Decision {
    const { decision, spending } = this.#limiter.take(policies, caller, nowMs);
    for (const { policy, subject, chunk } of spending) {
      const key = `${policy.name} ${subject}`;
      this.#chunks.set(key, [...(this.#chunks.get(key) ?? []), chunk]);
    }
    return decision;
  }
}

const policy = (name: string, scope: Policy["scope"], limit: number, windowS: number): Policy => ({
  name,
  scope,
  limit,
  windowS,
});

test("refused by one policy is charged by none", () => {
  const limiter = new Kept();
  const policies = [policy("caller", "caller", 2, 60), policy("tenant", "tenant", 10, 60)];
  for (let i = 0; i < 5; i++) limiter.take(policies, "a", 0);
  const { admitted, states } = limiter.take(policies, "b", 0);
  expect(admitted).toBe(true);
  expect(states.map((state) => [state.name, state.remaining])).toEqual([
    ["caller", 1],
    ["tenant", 7],
  ]);
  const refused = limiter.take(policies, "a", 0);
  expect(refused).toMatchObject({ admitted: false, violated: ["caller"], retryAfterS: 60 });
});

test("restarts at any moment: never over the limit, exact below 100, else under by at most the chunk that was open", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 5, 99, 100, 1_000),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 60 }), fc.boolean()), {
        maxLength: 60,
      }),
      (limit, bursts) => {
        const policies = [policy("p", "tenant", limit, 1)];
        const limiter = new Kept();
        const admissions: number[] = [];
        let now = 1_795_000_000_000;
        let restarts = 0;
        for (const [step, calls, restart] of bursts) {
          now += step;
          if (restart) {
            limiter.restart();
            restarts += 1;
          }
          for (let i = 0; i < calls; i++) {
            const held = admissions.filter((at) => at > now - 1_000).length;
            const { admitted } = limiter.take(policies, "", now);
            if (admitted) {
              expect(held).toBeLessThan(limit);
              admissions.push(now);
            } else if (limit < 100) {
              expect(held).toBe(limit);
            } else {
              expect(held).toBeGreaterThanOrEqual(
                limit - (restarts === 0 ? 0 : Math.floor(limit / 100) * (restarts + 12)),
              );
            }
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a plan changed in mid-window binds at once", () => {
  const limiter = new Kept();
  for (let i = 0; i < 50; i++) limiter.take([policy("p", "caller", 50, 60)], "a", 0);
  expect(limiter.take([policy("p", "caller", 50, 60)], "a", 1).admitted).toBe(false);
  expect(limiter.take([policy("p", "caller", 10, 60)], "a", 2)).toMatchObject({
    admitted: false,
    states: [{ remaining: 0 }],
  });
  expect(limiter.take([policy("p", "caller", 60, 60)], "a", 3).admitted).toBe(true);
});

test("headers are structured fields that a parser of others reads back", () => {
  const states = [{ name: "alive-instance", limit: 30, windowS: 3600, remaining: 29, resetS: 3600 }];
  const headers = rateLimitHeaders(states);
  const read = (name: string) =>
    parseList(headers[name] ?? "").map(([value, parameters]) => [value, Object.fromEntries(parameters)]);
  expect(read("RateLimit-Policy")).toEqual([["alive-instance", { q: 30, w: 3600 }]]);
  expect(read("RateLimit")).toEqual([["alive-instance", { r: 29, t: 3600 }]]);
});

test("every plan limits every caller, pings and tokens by tenant too, and a larger plan never by less", () => {
  for (const routeClass of ["alive", "token", "guess", "register", "account"] as const) {
    const tenantLimits = PLANS.map(
      (plan) => policiesOf(plan, routeClass).find((each) => each.scope === "tenant")?.limit ?? 0,
    );
    expect(tenantLimits).toEqual(tenantLimits.toSorted((a, b) => a - b));
    for (const plan of PLANS) expect(policiesOf(plan, routeClass)[0]?.scope).toBe("caller");
  }
});
