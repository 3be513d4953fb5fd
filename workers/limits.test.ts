import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { parseList } from "structured-headers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TenantMessage } from "../src/core/gate-message.ts";
import type { Id } from "../src/core/id.ts";
import { PROTOCOL, type TakeCall } from "../src/gate/protocol.ts";
import { call, gateOf, manyInstances, ping, signFor, takeCall, tellGate } from "../src/testing/instance.ts";
import { type TestTenant, testTenant } from "../src/testing/world.ts";

const START = Date.now();
// The one clock of everything in this isolate, the gates included.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
afterEach(() => void vi.useRealTimers());
const at = (seconds: number) => vi.setSystemTime(START + seconds * 1_000);

const tell = (tenant: TestTenant, change: Partial<TenantMessage>) =>
  tellGate(tenant, { plan: "enterprise", ...change });
const take = (tenant: TestTenant, wanted?: Partial<TakeCall>) => gateOf(tenant).take(takeCall(tenant, wanted));

async function admittedOf(tenant: TestTenant, calls: number, wanted?: Partial<TakeCall>): Promise<number> {
  const answers = await Promise.all(Array.from({ length: calls }, () => take(tenant, wanted)));
  return answers.filter(({ outcome }) => outcome === "admitted").length;
}

async function limitedTenant(overrides: Record<string, number>) {
  const tenant = await testTenant();
  await tell(tenant, { overrides });
  const [instance, other] = (await manyInstances(tenant, 2)) as [Id<"instance">, Id<"instance">];
  const pingAt = async (seconds: number, who = instance) => {
    at(seconds);
    return await ping(await signFor(tenant, who));
  };
  return { tenant, instance, other, pingAt };
}

test("Retry-After is honest, over HTTP: a second earlier the same ping is refused, after it it is admitted", async () => {
  const { pingAt } = await limitedTenant({ "alive-instance": 3 });
  for (const seconds of [0, 100.25, 700]) expect((await pingAt(seconds)).status).toBe(200);
  for (const [refusedAt, wanted] of [
    [1_000.5, 2_600],
    [3_500, 201],
  ] as const) {
    const refused = await pingAt(refusedAt);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, String(wanted)]);
    const earlier = await pingAt(refusedAt + wanted - 1);
    expect(earlier.status).toBe(429);
    // The first of the three leaves the window, then the second.
    const after = await pingAt(refusedAt + wanted);
    expect([after.status, after.headers.get("ratelimit")?.slice(0, 20)]).toEqual([200, '"alive-instance";r=0']);
  }
});

test("of two policies the later wait is told; who waits so long is admitted by both", async () => {
  const { pingAt, other, tenant } = await limitedTenant({ "alive-instance": 2, "alive-tenant": 3 });
  expect((await pingAt(0)).status).toBe(200);
  expect((await pingAt(10)).status).toBe(200);
  expect((await pingAt(20, other)).status).toBe(200);
  const refused = await pingAt(30);
  expect(refused.headers.get("retry-after")).toBe("3570");
  expect(await refused.json()).toMatchObject({ "violated-policies": ["alive-instance", "alive-tenant"] });
  // The other instance is held by the tenant's limit alone.
  expect((await pingAt(30, other)).headers.get("retry-after")).toBe("30");
  expect((await pingAt(59, other)).status).toBe(429);
  expect((await pingAt(60, other)).status).toBe(200);
  expect((await pingAt(3_599)).status).toBe(429);
  expect((await pingAt(3_600)).status).toBe(200);
  expect(tenant.id).toMatch(/^tnt_/);
});

test("the headers are structured fields that a parser of others reads: policies, what remains, until when", async () => {
  const { pingAt } = await limitedTenant({ "alive-instance": 2, "alive-tenant": 7 });
  const read = (response: Response, name: string) =>
    parseList(response.headers.get(name) ?? "").map(([value, parameters]) => [value, Object.fromEntries(parameters)]);
  const first = await pingAt(0);
  expect(read(first, "ratelimit-policy")).toEqual([
    ["alive-instance", { q: 2, w: 3600 }],
    ["alive-tenant", { q: 7, w: 60 }],
  ]);
  expect(read(first, "ratelimit")).toEqual([
    ["alive-instance", { r: 1, t: 3600 }],
    ["alive-tenant", { r: 6, t: 60 }],
  ]);
  await pingAt(10);
  const refused = await pingAt(25.5);
  expect(read(refused, "ratelimit")).toEqual([
    ["alive-instance", { r: 0, t: 3575 }],
    ["alive-tenant", { r: 5, t: 35 }],
  ]);
  expect(refused.headers.get("content-type")).toBe("application/problem+json");
  expect(await refused.json()).toMatchObject({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    status: 429,
    "violated-policies": ["alive-instance"],
  });
});

test("pause, evict, repeat: never more than the limit in any window, and next to nothing lost", async () => {
  for (const limit of [10, 1_000]) {
    const tenant = await testTenant();
    await tell(tenant, { overrides: { "account-key": limit } });
    const admissions: { second: number; count: number }[] = [];
    for (let round = 0; round < 40; round++) {
      const second = round * 3;
      at(second);
      admissions.push({ second, count: await admittedOf(tenant, limit === 10 ? 3 : 61) });
      await evictDurableObject(gateOf(tenant));
    }
    const heldAt = (end: number) =>
      admissions.reduce((sum, { second, count }) => (second > end - 60 && second <= end ? sum + count : sum), 0);
    const most = Math.max(...admissions.map(({ second }) => heldAt(second)));
    expect(most).toBeLessThanOrEqual(limit);
    expect(most).toBeGreaterThan(limit - limit / 100);
  }
});

test("a hundred calls at once: exactly as many as the limit are admitted, and none of the refused is charged", async () => {
  const tenant = await testTenant();
  await tell(tenant, { overrides: { "account-key": 37 } });
  expect(await admittedOf(tenant, 100)).toBe(37);
  expect(await admittedOf(tenant, 50, { subjects: { key: "another" } })).toBe(37);
  at(60);
  expect(await admittedOf(tenant, 100)).toBe(37);
});

test("a limit of 0 is closed: 403, and no Retry-After that would have anybody wait for ever", async () => {
  const { pingAt } = await limitedTenant({ "alive-tenant": 0 });
  const response = await pingAt(0);
  expect([response.status, response.headers.get("retry-after")]).toEqual([403, null]);
  expect(await response.json()).toMatchObject({ error: "cost-above-limit", "violated-policies": ["alive-tenant"] });
});

test("credits: all or nothing, by the month, and a call that could never fit is told so", async () => {
  const tenant = await testTenant();
  vi.setSystemTime(Date.UTC(2026, 10, 30, 23, 59, 30));
  await tell(tenant, { overrides: { "assistant-credits": 1_500 } });
  const assistant = (credits: number) =>
    take(tenant, { routeClass: "assistant", subjects: { instance: "ins_a" }, costs: { credits } });
  expect(await assistant(1_000)).toMatchObject({ outcome: "admitted" });
  await evictDurableObject(gateOf(tenant));
  expect(await assistant(501)).toMatchObject({
    outcome: "limited",
    decision: expect.stringMatching(/^0 30 assistant-credits;/),
  });
  expect(await assistant(500)).toMatchObject({ outcome: "admitted" });
  expect(await assistant(1_501)).toMatchObject({
    decision: expect.stringMatching(/^0 Infinity assistant-credits;/),
  });
  vi.setSystemTime(Date.UTC(2026, 11, 1));
  expect(await assistant(1_000)).toMatchObject({ outcome: "admitted" });
});

test("a plan changed in mid-window binds at once, awake or asleep", async () => {
  for (const asleep of [false, true]) {
    const tenant = await testTenant();
    await tell(tenant, { overrides: { "account-key": 20 } });
    at(0);
    expect(await admittedOf(tenant, 15)).toBe(15);
    await tell(tenant, { overrides: { "account-key": 10 } });
    if (asleep) await evictDurableObject(gateOf(tenant));
    at(1);
    expect(await admittedOf(tenant, 5)).toBe(0);
    await tell(tenant, { overrides: { "account-key": 18 } });
    expect(await admittedOf(tenant, 20)).toBe(3);
    at(60);
    expect(await admittedOf(tenant, 30)).toBe(15);
  }
});

test("a clock that steps back, or was a day ahead for a moment, opens nothing and locks nobody out", async () => {
  for (const asleep of [false, true]) {
    const tenant = await testTenant();
    await tell(tenant, { overrides: { "account-key": 10 } });
    at(86_400);
    expect(await admittedOf(tenant, 10)).toBe(10);
    if (asleep) await evictDurableObject(gateOf(tenant));
    at(0);
    expect(await admittedOf(tenant, 10)).toBe(0);
    if (asleep) await evictDurableObject(gateOf(tenant));
    at(59);
    expect(await admittedOf(tenant, 10)).toBe(0);
    at(60);
    expect(await admittedOf(tenant, 10)).toBe(10);
  }
});

test("thousands of instances: few are held in memory, and each is still counted", { timeout: 60_000 }, async () => {
  const tenant = await testTenant();
  await tell(tenant, { overrides: { "session-instance": 1 } });
  const session = (n: number) => take(tenant, { routeClass: "session", subjects: { instance: `ins_${n}` } });
  for (let batch = 0; batch < 25; batch++) {
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, i) => session(batch * 1_000 + i)));
    expect(answers.every(({ outcome }) => outcome === "admitted")).toBe(true);
  }
  for (let n = 0; n < 25_000; n += 1_237) expect((await session(n)).outcome).toBe("limited");
});

test("what was refused is shown under its request, and how full everything is", async () => {
  const { tenant, instance, pingAt } = await limitedTenant({ "alive-instance": 1 });
  await pingAt(0);
  const refused = await pingAt(30);
  const headers = { authorization: `Bearer ${tenant.apiKey}` };
  const seen = await (await call(`/api/v1/tenants/${tenant.id}/refusals`, { headers })).json<{ data: unknown[] }>();
  expect(seen.data).toEqual([
    {
      object: "refusal",
      at: Math.floor((START + 30_000) / 1_000),
      request_id: refused.headers.get("x-request-id"),
      route_class: "alive",
      subjects: { instance },
      violated: ["alive-instance"],
      retry_after_s: 3_570,
      policies: [
        { policy: "alive-instance", limit: 1, window_s: 3_600, remaining: 0, resets_in_s: 3_570 },
        { policy: "alive-tenant", limit: 600_000, window_s: 60, remaining: 599_999, resets_in_s: 30 },
      ],
    },
  ]);
  const limits = await (await call(`/api/v1/tenants/${tenant.id}/limits?instance_id=${instance}`, { headers })).json<{
    data: { policy: string }[];
  }>();
  expect(limits.data.find(({ policy }) => policy === "alive-instance")).toMatchObject({
    limit: 1,
    used: 1,
    remaining: 0,
    source: "override",
    resets_in_s: 3_570,
  });
  expect(limits.data.find(({ policy }) => policy === "token-client")).toMatchObject({ used: null, source: "plan" });
  const usage = await (await call("/api/v1/usage", { headers })).json<{ data: { policy: string }[] }>();
  expect(usage.data[0]).toMatchObject({ policy: "assistant-credits", period: "month", used: 0, resets_at: null });
  expect(usage.data.find(({ policy }) => policy === "alive-tenant")).toMatchObject({ used: 1, limit: 600_000 });
});

test("looking at an instance's limits counts its lone ping, and lets nobody in twice", async () => {
  const { tenant, instance, pingAt } = await limitedTenant({});
  expect((await pingAt(0)).status).toBe(200);
  await evictDurableObject(gateOf(tenant));
  const headers = { authorization: `Bearer ${tenant.apiKey}` };
  const limits = await (await call(`/api/v1/tenants/${tenant.id}/limits?instance_id=${instance}`, { headers })).json<{
    data: { policy: string; remaining: number }[];
  }>();
  expect(limits.data.find(({ policy }) => policy === "alive-instance")?.remaining).toBe(29);
  let admitted = 1;
  for (let i = 0; i < 35; i++) if ((await pingAt(1)).status === 200) admitted += 1;
  expect(admitted).toBe(30);
});

test("an allotment counts what was used before it", async () => {
  const tenant = await testTenant();
  const used = (n: number) => admittedOf(tenant, n, { routeClass: "export", subjects: {} });
  await tell(tenant, {});
  expect(await used(15)).toBe(15);
  await tell(tenant, { allotments: { "export-tenant": 5 } });
  expect(await used(3)).toBe(0);
  await tell(tenant, { allotments: { "export-tenant": 17 } });
  await evictDurableObject(gateOf(tenant));
  expect(await used(5)).toBe(2);
});

test("a message that cannot be applied changes nothing and waits: the gate wakes and serves all the same", async () => {
  const tenant = await testTenant();
  await tell(tenant, { overrides: { "account-key": 20 } });
  const hostile: unknown[] = [
    { overrides: null },
    { allotments: null },
    { overrides: [] },
    { overrides: "account-key" },
    { ancestors: null },
    { ancestors: "abc" },
    { ancestors: ["no gate"] },
    { ancestors: Array.from({ length: 3 }, () => tenant.gateId) },
    { plan: "gold" },
    { plan: "__proto__" },
    { status: "frozen" },
    { tenantId: "tnt_x" },
    ...[-1, 1e99, "500", null, 1.5, 9].map((limit) => ({ overrides: { "account-key": limit } })),
  ];
  for (const change of hostile) {
    const message = { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team", ...(change as object) };
    const messages = [{ id: 1, message: message as TenantMessage }];
    const taken = await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages });
    expect(taken, JSON.stringify(change)).toEqual([]);
  }
  await evictDurableObject(gateOf(tenant));
  expect(await admittedOf(tenant, 25)).toBe(20);
  // Names that this version has no policy for are another version's.
  await tell(tenant, { overrides: JSON.parse('{"__proto__": 3, "of-tomorrow": 4, "account-key": 30}') });
  await evictDurableObject(gateOf(tenant));
  expect(await admittedOf(tenant, 25)).toBe(10);
});

test("revocations without a subject or an end are not taken either", async () => {
  const tenant = await testTenant();
  await tell(tenant, {});
  const good = { kind: "revoked", subject: { kind: "key", id: "x" }, reason: "key-revoked", issuedBeforeMs: null };
  for (const wrong of [{}, { untilMs: "soon" }, { untilMs: 1, subject: null }, { untilMs: 1, issuedBeforeMs: "x" }]) {
    const messages = [{ id: 1, message: { ...good, ...wrong } as never }];
    expect(await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages })).toEqual([]);
  }
  await evictDurableObject(gateOf(tenant));
  expect(await admittedOf(tenant, 1)).toBe(1);
});

test("a window that a new version makes longer counts what the old one would have forgotten", async () => {
  const tenant = await testTenant();
  await tell(tenant, { overrides: { "account-key": 10 } });
  at(0);
  expect(await admittedOf(tenant, 10)).toBe(10);
  await runInDurableObject(gateOf(tenant), (_, { storage }) => {
    // As a version with a window of 10 s had left it.
    storage.sql.exec("update spent set expires_at = expires_at - 50000");
    storage.sql.exec(
      "update meta set value = replace(value, '\"account-key\":60', '\"account-key\":10') where key = 'windows'",
    );
  });
  at(30);
  await evictDurableObject(gateOf(tenant));
  expect(await admittedOf(tenant, 10)).toBe(0);
  at(60);
  expect(await admittedOf(tenant, 10)).toBe(10);
});
