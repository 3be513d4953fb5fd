import { runDurableObjectAlarm } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, ping, postJson, register, tokenOf } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

const get = (tenant: { apiKey: string }, path: string) =>
  call(path, { headers: { authorization: `Bearer ${tenant.apiKey}` } });
const remove = (tenant: { apiKey: string }, path: string) =>
  call(path, { method: "DELETE", headers: { authorization: `Bearer ${tenant.apiKey}` } });
const post = (tenant: { apiKey: string }, path: string, body: unknown) =>
  postJson(path, body, { authorization: `Bearer ${tenant.apiKey}` });
const listed = async (tenant: TestTenant, path: string) =>
  await (await get(tenant, path)).json<{ data: Record<string, unknown>[]; next_cursor: string | null }>();

test("an instance and its pings appear, and after removal neither its token nor its secret works", async () => {
  const tenant = await testTenant();
  const client = await register(tenant);
  const token = await tokenOf(client);
  expect((await ping(token, { os: { kind: "linux", name: "Debian", version: "12" } })).status).toBe(200);
  await runDurableObjectAlarm(gateOf(tenant));
  const { data } = await listed(tenant, "/api/v1/instances");
  expect(data).toEqual([
    expect.objectContaining({ object: "instance", client_id: client.client_id, scope: "profile:read" }),
  ]);
  const id = String(data[0]?.["id"]);
  expect((await listed(tenant, `/api/v1/instances/${id}/pings`)).data).toEqual([
    expect.objectContaining({
      kind: "alive",
      day: new Date().toISOString().slice(0, 10),
      os: { kind: "linux", name: "Debian", version: "12" },
    }),
  ]);

  const removed = await remove(tenant, `/api/v1/instances/${id}`);
  expect([removed.status, await removed.json()]).toEqual([
    200,
    { object: "instance", id, deleted: true, effective: true },
  ]);
  expect((await ping(token)).status).toBe(401);
  await expect(tokenOf(client)).rejects.toThrow("401");
  expect((await listed(tenant, "/api/v1/instances")).data).toEqual([]);
  expect((await remove(tenant, `/api/v1/instances/${id}`)).status).toBe(404);
  const audit = await ownerRows<{ action: string }>(
    sql`select action from audit_entries where tenant_id = ${uuidFromId("tenant", tenant.id)} order by id`,
  );
  expect(audit.map((entry) => entry.action)).toEqual(["instance.registered", "instance.removed"]);
});

test("lists come in pages, each item once", async () => {
  const tenant = await testTenant();
  for (let i = 0; i < 5; i++) await register(tenant);
  const seen: unknown[] = [];
  let cursor: string | null = null;
  do {
    const page = await listed(tenant, `/api/v1/instances?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`);
    seen.push(...page.data.map((item) => item["id"]));
    cursor = page.next_cursor;
  } while (cursor !== null);
  expect(new Set(seen).size).toBe(5);
  expect(seen).toHaveLength(5);
  expect((await get(tenant, "/api/v1/instances?limit=0")).status).toBe(400);
  expect((await get(tenant, "/api/v1/instances?cursor=x")).status).toBe(400);
});

test("a registration key is made, listed without its secret, used and revoked", async () => {
  const tenant = await testTenant();
  const made = await post(tenant, "/api/v1/registration-keys", { name: "fleet", reusable: true });
  expect(made.status).toBe(201);
  const { id, key } = await made.json<{ id: string; key: string }>();
  await register({ registrationKey: key });
  const page = await listed(tenant, "/api/v1/registration-keys");
  expect(JSON.stringify(page)).not.toContain(key);
  expect(page.data.find((item) => item["id"] === id)).toMatchObject({ name: "fleet", reusable: true, uses: 1 });
  expect((await remove(tenant, `/api/v1/registration-keys/${id}`)).status).toBe(200);
  await expect(register({ registrationKey: key })).rejects.toThrow("403");
});

test("an API key is permitted at most what its maker is", async () => {
  const tenant = await testTenant();
  const made = await post(tenant, "/api/v1/keys", { name: "reader", permissions: ["instances:read", "keys:write"] });
  const { key } = await made.json<{ key: string }>();
  const reader = { apiKey: key };
  expect((await get(reader, "/api/v1/instances")).status).toBe(200);
  expect((await get(reader, "/api/v1/registration-keys")).status).toBe(403);
  expect((await post(reader, "/api/v1/registration-keys", { name: "x" })).status).toBe(403);
  expect((await post(reader, "/api/v1/keys", { name: "more", permissions: ["instances:delete"] })).status).toBe(403);
  expect((await post(reader, "/api/v1/keys", { name: "same" })).status).toBe(201);
  expect(
    await ownerRows(sql`select from registration_keys where tenant_id = ${uuidFromId("tenant", tenant.id)}`),
  ).toHaveLength(1);
});

test("a tenant sees itself and what is below it, never beside or above", async () => {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform });
  const client = await testTenant({ kind: "client", parent: reseller });
  const beside = await testTenant({ kind: "direct", parent: platform });
  const names = async (tenant: TestTenant) =>
    (await listed(tenant, "/api/v1/tenants")).data.map((item) => item["id"]).toSorted();
  expect(await names(platform)).toEqual([platform.id, reseller.id, client.id, beside.id].toSorted());
  expect(await names(reseller)).toEqual([reseller.id, client.id].toSorted());
  expect(await names(client)).toEqual([client.id]);
  expect(await names(beside)).toEqual([beside.id]);
});

test("an expired, a revoked and a suspended tenant's key are refused with the reason", async () => {
  const tenant = await testTenant();
  const of = sql`where tenant_id = ${uuidFromId("tenant", tenant.id)} and kind = 'api-key'`;
  const answer = async () => {
    const response = await get(tenant, "/api/v1/instances");
    return [response.status, (await response.json<{ error?: string }>()).error];
  };
  expect(await answer()).toEqual([200, undefined]);
  await ownerRows(sql`update credentials set valid_until = now() - interval '1 second' ${of}`);
  expect(await answer()).toEqual([401, "key-expired"]);
  await ownerRows(sql`update credentials set valid_until = null, revoked_at = now() ${of}`);
  expect(await answer()).toEqual([401, "key-revoked"]);
  await ownerRows(sql`update credentials set revoked_at = null ${of}`);
  await ownerRows(sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", tenant.id)}`);
  expect(await answer()).toEqual([403, "tenant-suspended"]);
});

test("without Postgres account routes answer 503 with Retry-After, and come back by themselves", async () => {
  const tenant = await testTenant();
  expect((await get(tenant, "/api/v1/instances")).status).toBe(200);
  const responses = await withoutPostgres(async () => [
    await get(tenant, "/api/v1/instances"),
    await post(tenant, "/api/v1/registration-keys", { name: "x" }),
  ]);
  for (const response of responses) {
    expect([response.status, await response.json()]).toEqual([503, expect.objectContaining({ error: "unavailable" })]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect((await get(tenant, "/api/v1/instances")).status).toBe(200);
});
