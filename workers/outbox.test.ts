import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type Id, uuidFromId } from "../src/core/id.ts";
import { deliverAllOutboxes, deliverOutbox } from "../src/gate/outbox.ts";
import { purge } from "../src/jobs/purge.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, manyInstances, ping, postForm, register, signFor, tokenOf } from "../src/testing/instance.ts";
import { codeRequest, oauthScene } from "../src/testing/oauth-scene.ts";
import { authorize } from "../src/testing/oauth-world.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

const pendingOf = (tenant: TestTenant) =>
  ownerRows(sql`select message from outbox where gate_id = ${tenant.gateId} and delivered_at is null`);

/** Posts a message to a tenant's gate as the owner, whatever it says. */
const post = (tenant: TestTenant, message: object) =>
  ownerRows(sql`insert into outbox (tenant_id, gate_id, message, recorded_at)
    values (${uuidFromId("tenant", tenant.id)}, ${tenant.gateId}, ${JSON.stringify(message)}::jsonb, now())`);

/** As if the gate had not heard of what was posted since it was made. */
async function unheard(tenant: TestTenant): Promise<void> {
  await runInDurableObject(gateOf(tenant), (_, { storage }) => void storage.sql.exec("delete from client"));
  await ownerRows(sql`update outbox set delivered_at = null where gate_id = ${tenant.gateId}`);
}

test("without Postgres a client whose registration is still on the way is told to come back, not that it is unknown", async () => {
  const tenant = await testTenant();
  const client = await register(tenant);
  await unheard(tenant);
  const response = await withoutPostgres(() =>
    postForm("/oauth2/token", { grant_type: "client_credentials", ...client }),
  );
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(5);
  await tokenOf(client);
});

test("a browser sent by a client whose registration is still on the way is let in; without Postgres it is told to come back", async () => {
  const { tenant, client } = await oauthScene();
  const { query } = await codeRequest(client);
  const authorized = async () => (await authorize(query)).status;
  await unheard(tenant);
  expect(await withoutPostgres(authorized)).toBe(503);
  expect(await authorized()).toBe(302);
  expect(await pendingOf(tenant)).toEqual([]);
  // The control: one that is nobody's is not let in for want of an answer.
  expect((await authorize({ ...query, client_id: "ebbc_nobody" })).status).toBe(400);
});

test("a message that a gate does not understand keeps nothing from the others, of this gate or another", async () => {
  const [troubled, quiet] = [await testTenant(), await testTenant()];
  await ownerRows(sql`insert into outbox (tenant_id, gate_id, message, recorded_at)
    select ${uuidFromId("tenant", troubled.id)}, ${troubled.gateId}, '{"kind":"from-the-future"}', now() from generate_series(1, 250)`);
  const delivered = await deliverAllOutboxes(await createDeps(env));
  expect(delivered.failed).toBe(1);
  expect(delivered.gates).toBeGreaterThan(1);
  expect(await pendingOf(quiet)).toEqual([]);
  const client = await register(troubled);
  await tokenOf(client);
  expect(await pendingOf(troubled)).toHaveLength(250);
  await ownerRows(sql`delete from outbox where gate_id = ${troubled.gateId}`);
});

test("a removal that could not be delivered is kept until it is, however long that takes", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const token = await signFor(tenant, instance);
  expect((await ping(token)).status).toBe(200);
  await post(tenant, { kind: "instance-removed", instanceId: instance, clientId: "ebbc_x", removedAtMs: Date.now() });
  await ownerRows(sql`update outbox set recorded_at = now() - interval '30 days' where gate_id = ${tenant.gateId}`);
  const deps = await createDeps(env);
  await purge(deps);
  expect(await deliverOutbox(deps, tenant.gateId)).toBe(true);
  expect((await ping(token)).status).toBe(401);
});

test("a tenant can post to its own gate alone", async () => {
  const [tenant, beside] = [await testTenant(), await testTenant()];
  const foreign = ownerRows(sql`insert into outbox (tenant_id, gate_id, message, recorded_at)
    values (${uuidFromId("tenant", tenant.id)}, ${beside.gateId}, '{}', now())`);
  await expect(foreign).rejects.toThrow();
  await post(tenant, { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team" });
});

test("a dead key uses up nothing that the tenant's other keys share", async () => {
  const tenant = await testTenant({ plan: "free" });
  const list = (key: string) => call("/api/v1/instances", { headers: { authorization: `Bearer ${key}` } });
  const made = await call("/api/v1/keys", {
    method: "POST",
    body: JSON.stringify({ name: "dead" }),
    headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
  });
  const { id, key } = await made.json<{ id: Id<"credential">; key: string }>();
  await ownerRows(sql`update credentials set revoked_at = now() where id = ${uuidFromId("credential", id)}`);
  const statuses = new Map<number, number>();
  for (let i = 0; i < 605; i++) {
    const { status, body } = await list(key);
    await body?.cancel();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses]).toEqual([
    [401, 600],
    [429, 5],
  ]);
  expect((await list(tenant.apiKey)).status).toBe(200);
});
