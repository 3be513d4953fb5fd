import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { createApp } from "../src/app.ts";
import { HOUR_MS } from "../src/core/clock.ts";
import { idFromUuid, newId, uuidFromId } from "../src/core/id.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, manyInstances, ORIGIN, ping, postJson, register, tokenOf } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

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

const refusedField = async (response: Response) => {
  const { error, errors } = await response.json<{ error: string; errors?: unknown[] }>();
  return [response.status, error, errors];
};
const invalid = (path: string, message: string) => [400, "invalid-field", [{ path, message }]];

test.each(["/api/v1/keys", "/api/v1/registration-keys"])(
  "%s refuses control characters and a past end",
  async (path) => {
    const tenant = await testTenant();
    for (const name of ["a\u0000b", "a\nb", "\u007f"]) {
      expect(await refusedField(await post(tenant, path, { name }))).toEqual(invalid("name", "has the wrong format"));
    }
    const nowS = Math.floor(Date.now() / 1000);
    for (const valid_until of [1, nowS]) {
      const refused = await refusedField(await post(tenant, path, { name: "x", valid_until }));
      expect(refused).toEqual(invalid("valid_until", "must be in the future"));
    }
    expect((await post(tenant, path, { name: "x", valid_until: nowS + 60 })).status).toBe(201);
    // The last instant that the schema lets through.
    expect((await post(tenant, path, { name: "x", valid_until: 253_402_300_799 })).status).toBe(201);
  },
);

test("a key made by a key with an end does not outlive it", async () => {
  const tenant = await testTenant();
  const end = Math.floor(Date.now() / 1000) + 3600;
  const made = await post(tenant, "/api/v1/keys", { name: "an hour", valid_until: end });
  const { key } = await made.json<{ key: string }>();
  const maker = { apiKey: key };
  for (const valid_until of [undefined, null, end + 1]) {
    const refused = await refusedField(await post(maker, "/api/v1/keys", { name: "longer", valid_until }));
    expect(refused).toEqual(invalid("valid_until", "must not be after the end of the key that makes it"));
  }
  expect((await post(maker, "/api/v1/keys", { name: "as long", valid_until: end })).status).toBe(201);
});

test("API keys are listed in pages without their secrets, and revoked, also by themselves", async () => {
  const tenant = await testTenant();
  await register(tenant);
  const end = Math.floor(Date.now() / 1000) + 3600;
  const made = await post(tenant, "/api/v1/keys", {
    name: "second",
    permissions: ["keys:read", "keys:write"],
    valid_until: end,
  });
  const second = await made.json<{ id: string; key: string; created_at: number }>();
  const first = await listed(tenant, "/api/v1/keys?limit=1");
  const rest = await listed(tenant, `/api/v1/keys?limit=1&cursor=${first.next_cursor}`);
  // The secret of the registered client is a credential too, and no API key.
  expect([first.data, rest]).toEqual([
    [expect.objectContaining({ object: "key", name: "test", valid_until: null, revoked_at: null })],
    {
      object: "list",
      data: [
        {
          object: "key",
          kind: "api-key",
          id: second.id,
          name: "second",
          permissions: ["keys:read", "keys:write"],
          person_id: null,
          allowed_networks: null,
          allowed_origins: null,
          calls_per_hour: null,
          created_at: second.created_at,
          last_used_at: null,
          valid_until: end,
          revoked_at: null,
        },
      ],
      next_cursor: null,
    },
  ]);
  const reader = { apiKey: second.key };
  expect((await remove(reader, `/api/v1/keys/${second.id}`)).status).toBe(200);
  expect((await get(reader, "/api/v1/keys")).status).toBe(401);
  const { data } = await listed(tenant, "/api/v1/keys");
  expect(data.at(-1)?.["revoked_at"]).toBeCloseTo(Date.now() / 1000, -1);
  expect((await remove(tenant, `/api/v1/keys/${second.id}`)).status).toBe(404);
  const audit = await ownerRows<{ action: string }>(
    sql`select action from audit_entries where tenant_id = ${uuidFromId("tenant", tenant.id)} and action like 'key.%' order by id`,
  );
  expect(audit.map(({ action }) => action)).toEqual(["key.created", "key.revoked"]);
});

test("without the permission keys are neither listed nor revoked; an instance's secret is no key", async () => {
  const tenant = await testTenant();
  await register(tenant);
  const rows = await ownerRows<{ id: string }>(
    sql`select id from credentials where tenant_id = ${uuidFromId("tenant", tenant.id)} order by kind`,
  );
  const [own, secret] = rows.map((row) => idFromUuid("credential", row.id));
  const made = await post(tenant, "/api/v1/keys", { name: "reader", permissions: ["instances:read"] });
  const reader = { apiKey: (await made.json<{ key: string }>()).key };
  expect((await get(reader, "/api/v1/keys")).status).toBe(403);
  expect((await remove(reader, `/api/v1/keys/${own}`)).status).toBe(403);
  for (const id of [secret, newId("credential", Date.now())]) {
    expect((await remove(tenant, `/api/v1/keys/${id}`)).status).toBe(404);
  }
  expect((await get(tenant, "/api/v1/keys")).status).toBe(200);
});

test("a Worker whose clock is an hour fast revokes and removes at the database's instant", async () => {
  const tenant = await testTenant();
  const [instance] = await manyInstances(tenant, 1);
  const fast = createApp({ ...(await createDeps(env)), clock: { now: () => Date.now() + HOUR_MS } });
  const made = await post(tenant, "/api/v1/keys", { name: "x" });
  const { id, key } = await made.json<{ id: string; key: string }>();
  const { data } = await listed(tenant, "/api/v1/registration-keys");
  for (const path of [`keys/${id}`, `registration-keys/${data[0]?.["id"]}`, `instances/${instance}`]) {
    const headers = { authorization: `Bearer ${tenant.apiKey}` };
    const response = await fast.fetch(new Request(`${ORIGIN}/api/v1/${path}`, { method: "DELETE", headers }));
    expect(response.status).toBe(200);
  }
  expect((await get({ apiKey: key }, "/api/v1/instances")).status).toBe(401);
  await expect(register(tenant)).rejects.toThrow("403");
  const tenantId = uuidFromId("tenant", tenant.id);
  expect(await ownerRows(sql`select removed_at <= now() as past from instances where tenant_id = ${tenantId}`)).toEqual(
    [{ past: true }],
  );
});
