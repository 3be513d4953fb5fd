import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Id } from "../src/core/id.ts";
import { deliverOutbox } from "../src/gate/outbox.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { call, manyInstances, ping, signFor } from "../src/testing/instance.ts";
import { type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** A platform owner, a reseller on the team plan (10,000 pings a minute), and clients on the free plan (1,000 each). */
async function tree(clients = 2) {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform, plan: "team" });
  const children: TestTenant[] = [];
  for (let i = 0; i < clients; i++) children.push(await testTenant({ kind: "client", parent: reseller, plan: "free" }));
  const deps = await createDeps(env);
  for (const { gateId } of [reseller, ...children]) expect(await deliverOutbox(deps, gateId)).toBe(true);
  return { platform, reseller, clients: children };
}

interface Answer {
  status: number;
  body: { error?: string; policies?: string[]; errors?: { path: string; message: string }[]; effective?: boolean };
}

async function send(key: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await call(`/api/v1/tenants/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const override = (by: TestTenant, of: TestTenant, limit: number, policy = "alive-tenant") =>
  send(by.apiKey, "PUT", `${of.id}/limits/${policy}`, { limit });
const allot = (by: TestTenant, to: TestTenant, limit: number, policy = "alive-tenant") =>
  send(by.apiKey, "PUT", `${to.id}/allotments/${policy}`, { limit });

async function pingOf(tenant: TestTenant): Promise<Response> {
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  return await ping(await signFor(tenant, instance));
}

test("the platform owner sets a tenant's limit, it holds with the next call, and goes back to the plan", async () => {
  const { platform, clients } = await tree(1);
  const client = clients[0] as TestTenant;
  expect((await pingOf(client)).headers.get("ratelimit-policy")).toContain('"alive-tenant";q=1000;w=60');
  expect(await override(platform, client, 2)).toMatchObject({ status: 200, body: { effective: true, limit: 2 } });
  expect((await pingOf(client)).headers.get("ratelimit-policy")).toContain('"alive-tenant";q=2;w=60');
  expect((await pingOf(client)).status).toBe(429);
  expect(await send(platform.apiKey, "DELETE", `${client.id}/limits/alive-tenant`)).toMatchObject({ status: 200 });
  expect((await pingOf(client)).headers.get("ratelimit-policy")).toContain('"alive-tenant";q=1000;w=60');
});

test("nobody but the platform owner overrides, nobody but those above allot, and nobody beside sees anything", async () => {
  const { platform, reseller, clients } = await tree(2);
  const [client, sibling] = clients as [TestTenant, TestTenant];
  const stranger = await testTenant({ kind: "direct" });
  const said = async (answer: Promise<Answer>) => {
    const { status, body } = await answer;
    return [status, body.error];
  };
  expect(await said(override(client, client, 5_000))).toEqual([403, "forbidden"]);
  expect(await said(override(reseller, client, 5_000))).toEqual([403, "forbidden"]);
  expect(await said(override(reseller, reseller, 50_000))).toEqual([403, "forbidden"]);
  for (const by of [sibling, stranger]) {
    expect(await said(override(by, client, 5_000))).toEqual([404, "not-found"]);
    expect(await said(allot(by, client, 5))).toEqual([404, "not-found"]);
    expect(await said(send(by.apiKey, "GET", `${client.id}/limits`))).toEqual([404, "not-found"]);
    expect(await said(send(by.apiKey, "GET", `${client.id}/refusals`))).toEqual([404, "not-found"]);
  }
  expect(await said(allot(client, client, 5_000))).toEqual([404, "not-found"]);
  expect(await said(allot(client, sibling, 0))).toEqual([404, "not-found"]);
  expect(await said(send(client.apiKey, "GET", `${reseller.id}/limits`))).toEqual([404, "not-found"]);
  expect(await said(allot(platform, reseller, 5))).toEqual([404, "not-found"]);
  expect(await said(allot(platform, stranger, 5))).toEqual([404, "not-found"]);
  // The positive controls.
  expect(await said(override(platform, client, 1_500))).toEqual([200, undefined]);
  expect(await said(allot(reseller, client, 5))).toEqual([200, undefined]);
  expect(await said(allot(platform, client, 6))).toEqual([200, undefined]);
  expect(await said(send(client.apiKey, "GET", `${client.id}/limits`))).toEqual([200, undefined]);
});

test("clients that would together have more than their reseller are refused; what did not add up may be mended", async () => {
  const { platform, reseller, clients } = await tree(2);
  const [a, b] = clients as [TestTenant, TestTenant];
  expect(await override(platform, reseller, 1_500)).toMatchObject({
    status: 409,
    body: { error: "allotments-exceed-total", policies: ["alive-tenant"] },
  });
  expect((await allot(reseller, a, 400)).status).toBe(200);
  expect((await override(platform, reseller, 1_500)).status).toBe(200);
  expect((await allot(reseller, a, 500)).status).toBe(200);
  expect(await allot(reseller, a, 501)).toMatchObject({ status: 409, body: { policies: ["alive-tenant"] } });
  expect(await send(reseller.apiKey, "DELETE", `${a.id}/allotments/alive-tenant`)).toMatchObject({ status: 409 });
  expect(await override(platform, b, 1_001)).toMatchObject({ status: 409, body: { policies: ["alive-tenant"] } });
  // What was refused has left nothing behind.
  expect((await allot(reseller, b, 900)).status).toBe(200);
  expect((await allot(reseller, a, 600)).status).toBe(200);
  expect((await override(platform, b, 5_000)).status).toBe(200);
  expect((await allot(reseller, b, 901)).status).toBe(409);
});

test("two allotments at once that fit alone and not together: one of them is refused", async () => {
  const { platform, reseller, clients } = await tree(2);
  const [a, b] = clients as [TestTenant, TestTenant];
  for (const client of [a, b]) expect((await allot(reseller, client, 100)).status).toBe(200);
  expect((await override(platform, reseller, 1_000)).status).toBe(200);
  const statuses = await Promise.all([allot(reseller, a, 700), allot(platform, b, 700)]);
  expect(statuses.map(({ status }) => status).sort()).toEqual([200, 409]);
});

test("an allotment binds, and its client learns nothing but upstream-limit", async () => {
  const { reseller, clients } = await tree(1);
  const client = clients[0] as TestTenant;
  expect((await allot(reseller, client, 1)).status).toBe(200);
  const admitted = await pingOf(client);
  const refused = await pingOf(client);
  expect([admitted.status, refused.status]).toEqual([200, 429]);
  for (const { headers } of [admitted, refused]) {
    expect(headers.get("ratelimit-policy")).toBe('"alive-instance";q=30;w=3600, "alive-tenant";q=1000;w=60');
  }
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
  const problem = await refused.json<Record<string, unknown>>();
  expect(problem["violated-policies"]).toEqual(["upstream-limit"]);
  const seen = async (by: TestTenant, what: string) =>
    await (
      await call(`/api/v1/tenants/${client.id}/${what}`, { headers: { authorization: `Bearer ${by.apiKey}` } })
    ).text();
  for (const what of ["limits", "refusals"]) {
    expect(await seen(client, what)).not.toMatch(/allot|initech/i);
    expect(await seen(reseller, what)).toMatch(/allotted-alive-tenant/);
  }
  expect(await seen(client, "refusals")).toContain('"violated":["upstream-limit"]');
  const usage = await call("/api/v1/usage", { headers: { authorization: `Bearer ${client.apiKey}` } });
  expect(await usage.text()).not.toMatch(/allot/);
});

test("a limit that could never admit a call is refused when it is set, with the field's name", async () => {
  const { platform, clients } = await tree(1);
  const client = clients[0] as TestTenant;
  for (const [policy, limit] of [
    ["assistant-credits", 999],
    ["alive-tenant", -1],
    ["alive-tenant", 10_000_001],
    ["alive-tenant", 1.5],
  ] as const) {
    const { status, body } = await override(platform, client, limit, policy);
    expect([status, body.error, body.errors?.map(({ path }) => path)]).toEqual([400, "invalid-field", ["limit"]]);
  }
  expect((await override(platform, client, 5, "no-such-policy")).status).toBe(404);
  expect((await allot(platform, client, 5, "alive-instance")).status).toBe(404);
  for (const limit of [0, 1, 10_000_000]) {
    expect((await override(platform, client, limit, "alive-instance")).status).toBe(200);
  }
  expect((await override(platform, client, 1_000, "assistant-credits")).status).toBe(200);
});

test("when the gate does not answer the setting: 202 and the state; a later delivery makes it effective", async () => {
  const { platform, clients } = await tree(1);
  const client = clients[0] as TestTenant;
  const { fetch } = await appWithFailingGates("unknown", Number.POSITIVE_INFINITY, "deliver");
  const response = await fetch(`/api/v1/tenants/${client.id}/limits/alive-tenant`, {
    method: "PUT",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ limit: 1 }),
  });
  expect([response.status, await response.json()]).toEqual([202, expect.objectContaining({ effective: false })]);
  expect((await pingOf(client)).headers.get("ratelimit-policy")).toContain("q=1000");
  expect(await deliverOutbox(await createDeps(env), client.gateId)).toBe(true);
  expect((await pingOf(client)).headers.get("ratelimit-policy")).toContain('"alive-tenant";q=1;w=60');
});
