import { evictDurableObject, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { DAY_MS } from "../src/core/clock.ts";
import { newId } from "../src/core/id.ts";
import { newGateId } from "../src/core/region.ts";
import { decodeDecision } from "../src/gate/decision-text.ts";
import { platformGateId } from "../src/gate/platform.ts";
import { PROTOCOL, type TakeCall } from "../src/gate/protocol.ts";
import { visitPlatformGates } from "../src/jobs/visit-platform-gates.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { call, postForm, postJson } from "../src/testing/instance.ts";
import { testRoutingKeys } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** Noon, far from where the salt changes. */
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: NOON }));
afterEach(() => void vi.useRealTimers());

const LIMIT = 600;
const from = async (address: string) => {
  const response = await call("/openapi.json", { headers: { "cf-connecting-ip": address } });
  await response.body?.cancel();
  return response;
};

async function statusesOf(address: (n: number) => string, calls: number): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let n = 0; n < calls; n++) {
    const { status } = await from(address(n));
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

const gateFor = (network: string) => env.TENANT_GATE.get(env.TENANT_GATE.idFromName(platformGateId(network)));

/** Everything that a gate has stored, as text. */
const stored = (network: string): Promise<string> =>
  runInDurableObject(gateFor(network), (_, { storage }) =>
    JSON.stringify(
      storage.sql
        .exec<{ name: string }>("select name from sqlite_master where type = 'table' and name not glob '_cf_*'")
        .toArray()
        .map(({ name }) => [name, storage.sql.exec(`select * from "${name}"`).toArray()]),
    ),
  );

test("whoever shows no credential is limited by network: the 601st call of a minute, from any address of it", async () => {
  expect(await statusesOf((n) => `203.0.113.${n % 250}`, LIMIT + 3)).toEqual({ 200: LIMIT, 429: 3 });
  const refused = await from("203.0.113.250");
  expect(Number(refused.headers.get("retry-after"))).toBe(60);
  expect((await from("203.0.112.1")).status).toBe(200);
  await evictDurableObject(gateFor("203.0.113.0/24"));
  expect((await from("203.0.113.9")).status).toBe(429);
  vi.setSystemTime(NOON + 60_000);
  expect((await from("203.0.113.9")).status).toBe(200);
});

test("an IPv6 network is its /56, however its addresses are written; IPv4 within IPv6 is IPv4", async () => {
  const spelled = ["2001:db8:aa:1200::1", "2001:0db8:00aa:12ff:1:2:3:4", "2001:DB8:AA:1234::", "2001:db8:aa:1201::9"];
  expect(await statusesOf((n) => spelled[n % 4] as string, LIMIT + 1)).toEqual({ 200: LIMIT, 429: 1 });
  expect((await from("2001:db8:aa:1300::1")).status).toBe(200);
  expect(await statusesOf((n) => (n % 2 ? "::ffff:198.51.100.7" : "198.51.100.8"), LIMIT + 1)).toEqual({
    200: LIMIT,
    429: 1,
  });
});

test("midnight, when the salt changes, doubles nothing and frees nobody early", async () => {
  const midnight = NOON + DAY_MS / 2;
  vi.setSystemTime(midnight - 30_000);
  expect(await statusesOf(() => "192.0.2.1", 400)).toEqual({ 200: 400 });
  vi.setSystemTime(midnight + 10_000);
  expect(await statusesOf(() => "192.0.2.1", 300)).toEqual({ 200: 200, 429: 100 });
  vi.setSystemTime(midnight + 30_000);
  expect(await statusesOf(() => "192.0.2.1", 401)).toEqual({ 200: 400, 429: 1 });
  const salts = () => stored("192.0.2.0/24").then((text) => text.match(/salt/g)?.length);
  expect(await salts()).toBe(2);
  vi.setSystemTime(midnight + 61_000);
  await from("192.0.2.1");
  expect(await salts()).toBe(1);
});

test("the address is kept nowhere, and yesterday's name of a network is not today's", async () => {
  await from("198.18.7.77");
  const first = await stored("198.18.7.0/24");
  expect(first).not.toMatch(/198\.18|198, ?18/);
  const names = (text: string) => [...text.matchAll(/"subject":"([0-9a-f]{32})"/g)].map(([, name]) => name);
  expect(names(first)).toHaveLength(1);
  vi.setSystemTime(NOON + DAY_MS);
  await evictDurableObject(gateFor("198.18.7.0/24"));
  await from("198.18.7.77");
  const next = names(await stored("198.18.7.0/24"));
  expect(next).toHaveLength(1);
  expect(next).not.toEqual(names(first));
});

test("forged keys and client ids are refused at the edge: no object is made or woken", async () => {
  const genuine = await mintRoutingId("client-id", newGateId("any"), await testRoutingKeys());
  const forged = (text: string) => `${text.slice(0, -3)}${text.endsWith("AAA") ? "BBB" : "AAA"}`;
  const key = await mintRoutingId("api-key", newGateId("any"), await testRoutingKeys());
  const registration = await mintRoutingId("registration-key", newGateId("any"), await testRoutingKeys());
  const before = (await listDurableObjectIds(env.TENANT_GATE)).length;
  const form = { grant_type: "client_credentials", client_id: forged(genuine), client_secret: "x" };
  expect((await postForm("/oauth2/token", form)).status).toBe(401);
  const register = { scope: "", grant_types: [], instance_registration_key: forged(registration) };
  expect((await postJson("/oauth2/register", register)).status).toBe(403);
  const listed = await call("/api/v1/keys", { headers: { authorization: `Bearer ${forged(key)}` } });
  expect(listed.status).toBe(401);
  expect((await listDurableObjectIds(env.TENANT_GATE)).length).toBe(before);
  // The control: a genuine client id does reach its gate.
  await postForm("/oauth2/token", { ...form, client_id: genuine });
  expect((await listDurableObjectIds(env.TENANT_GATE)).length).toBe(before + 1);
});

test("when the gates fail, public pages are refused with 503 and Retry-After, never served unlimited", async () => {
  const { fetch } = await appWithFailingGates("overloaded");
  const response = await fetch("/openapi.json");
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(5);
});

test("a clock that wavers at midnight frees nobody, and one caller is told of one policy", async () => {
  const midnight = NOON + DAY_MS / 2;
  const statuses: Record<number, number> = {};
  for (const ms of [-1, 0, -1, 0, -1, 0, 5_000]) {
    vi.setSystemTime(midnight + ms);
    for (const [status, count] of Object.entries(await statusesOf(() => "100.64.5.99", 150))) {
      statuses[Number(status)] = (statuses[Number(status)] ?? 0) + count;
    }
  }
  expect(statuses[200]).toBe(LIMIT);
  const refused = await from("100.64.5.99");
  expect(refused.headers.get("ratelimit-policy")).toBe('"public-network";q=600;w=60');
  expect(refused.headers.get("ratelimit")).toBe('"public-network";r=0;t=55');
});

test("gates of networks that nobody calls any more are visited once a day, and forget", async () => {
  await from("203.0.113.5");
  expect(await stored("203.0.113.0/24")).toMatch(/"subject":"[0-9a-f]{32}"/);
  vi.setSystemTime(NOON + DAY_MS);
  const deps = await createDeps(env);
  expect(await visitPlatformGates(deps)).toEqual({ visited: 128, failed: 0 });
  const text = await stored("203.0.113.0/24");
  expect(text).not.toMatch(/subject|salt/);
});

test("around midnight a person who is named beside a network is counted once, and the network still under both names", async () => {
  const gateId = platformGateId("somebody");
  const gate = env.TENANT_GATE.get(env.TENANT_GATE.idFromName(gateId));
  const enter = async (person: string, network: string) => {
    const requestId = newId("request", Date.now());
    return await gate.take({ v: PROTOCOL, gateId, requestId, routeClass: "user-code", subjects: { person, network } });
  };
  const midnight = NOON + DAY_MS / 2;
  vi.setSystemTime(midnight - 60_000);
  for (let i = 0; i < 299; i++) await enter(`somebody ${i}`, "192.0.2.0/24");
  vi.setSystemTime(midnight + 60_000);
  let answer = await enter("ada", "192.0.2.0/24");
  for (let i = 0; i < 59; i++) answer = await enter("ada", "198.51.100.0/24");
  expect(answer.outcome === "admitted" && decodeDecision(answer.decision).states).toMatchObject([
    { name: "user-code-person", limit: 60, remaining: 0 },
    { name: "user-code-network", limit: 300, remaining: 241 },
  ]);
  expect((await enter("ada", "198.51.100.0/24")).outcome).toBe("limited");
  expect((await enter("bob", "192.0.2.0/24")).outcome).toBe("limited");
  expect((await enter("bob", "198.51.100.0/24")).outcome).toBe("admitted");
});

test("registering without a key is counted by the network, with one by the key: 60 and 600 an hour", async () => {
  const gateId = platformGateId("203.0.113.0/24");
  const gate = env.TENANT_GATE.get(env.TENANT_GATE.idFromName(gateId));
  const call = { v: PROTOCOL, gateId, requestId: "req_1", routeClass: "register" } as const;
  const policies = async (subjects: TakeCall["subjects"]) => {
    const answer = await gate.take({ ...call, subjects });
    return answer.outcome === "refused"
      ? []
      : decodeDecision(answer.decision).states.map(({ name, limit, windowS }) => ({ name, limit, windowS }));
  };
  expect(await policies({ network: "203.0.113.0/24" })).toEqual([
    { name: "register-network", limit: 60, windowS: 3600 },
  ]);
  expect(await policies({ key: "k" })).toEqual([{ name: "register-key", limit: 600, windowS: 3600 }]);
});
