import { sql } from "drizzle-orm";
import { afterAll, expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { credentials, registrationKeys } from "../src/db/schema.ts";
import { call, postJson } from "../src/testing/instance.ts";
import { personIn, sessionHeaders } from "../src/testing/people.ts";
import { signInOn } from "../src/testing/sign-ins.ts";
import { owner, ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";

/** Registration keys: caps, names, ends, and what is done after one has leaked. */

const made: TestTenant[] = [];
async function tenantOf(): Promise<TestTenant> {
  const tenant = await testTenant();
  made.push(tenant);
  return tenant;
}
// What a gate did not understand waits in the outbox, which other files count.
afterAll(async () => {
  for (const { gateId } of made) await ownerRows(sql`delete from outbox where gate_id = ${gateId}`);
});

/** Whether the gate has acknowledged it is no matter here: workers/outbox.test.ts. */
const DONE = expect.toSatisfy((status) => status === 200 || status === 202);

type Body = Record<string, unknown> & { data: Record<string, unknown>[]; error: string };
interface Key extends Body {
  id: Id<"registrationKey">;
  key: string;
}

async function ask<T = Body>(tenant: TestTenant, method: string, path: string, body?: unknown, apiKey = tenant.apiKey) {
  const response = await call(path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json<T>() };
}

const create = async (tenant: TestTenant, wanted: object): Promise<Key> => {
  const { status, body } = await ask<Key>(tenant, "POST", "/api/v1/registration-keys", { name: "k", ...wanted });
  expect([status, body]).toEqual([201, body]);
  return body;
};

const registerWith = ({ key }: Pick<Key, "key">) =>
  postJson("/oauth2/register", { scope: "profile:read", grant_types: [], instance_registration_key: key });

async function stateOf(tenant: TestTenant, id: Id<"registrationKey">) {
  const { body } = await ask(tenant, "GET", "/api/v1/registration-keys");
  return body.data.find((key) => key["id"] === id) as Record<string, unknown>;
}

/** Instances that registered with a key, as the owner sees them. */
const instancesOf = (id: Id<"registrationKey">) =>
  ownerRows<{ name: string | null; revoked: boolean; removed: boolean; secret: boolean }>(sql`
    select i.name, i.revoked_at is not null as revoked, i.removed_at is not null as removed,
           (select bool_or(c.revoked_at is null) from credentials c where c.instance_id = i.id) as secret
      from instances i where registration_key_id = ${uuidFromId("registrationKey", id)} order by i.id`);

/** So many instances that registered with the key, each with a secret, past the registration endpoint. */
async function manyWith(tenant: TestTenant, key: Id<"registrationKey">, count: number): Promise<void> {
  const [tenantId, keyId] = [uuidFromId("tenant", tenant.id), uuidFromId("registrationKey", key)];
  await ownerRows(sql`
    with made as (
      insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registration_key_id, registered_at)
      select gen_random_uuid(), ${tenantId}, ${uuidFromId("workspace", tenant.workspaceId)}, 'ebbc_' || gen_random_uuid(), '', '{}', ${keyId}, now()
        from generate_series(1, ${count}::int) returning id)
    insert into credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
      select gen_random_uuid(), ${tenantId}, 'client-secret', 'client secret', id, sha256(uuid_send(id)), '{}', now() from made`);
}

const messages = (tenant: TestTenant, kind: string) =>
  ownerRows<{ message: Record<string, unknown> }>(
    sql`select message from outbox where gate_id = ${tenant.gateId} and message->>'kind' = ${kind}`,
  );

test("twenty registrations at once on a cap of five: exactly five, each with a name of its own", async () => {
  const tenant = await tenantOf();
  const key = await create(tenant, { reusable: true, max_uses: 5, name_prefix: "lab" });
  expect(key).toMatchObject({ reusable: true, max_uses: 5, name_prefix: "lab" });
  const answers = await Promise.all(Array.from({ length: 20 }, () => registerWith(key)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(5);
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    expect([answer.status, await answer.json()]).toEqual([
      403,
      expect.objectContaining({ error_description: expect.stringContaining("has been used as often as it may be.") }),
    ]);
  }
  const names = (await instancesOf(key.id)).map(({ name }) => name);
  expect(names).toHaveLength(5);
  for (const name of names) expect(name).toMatch(/^lab-[a-z0-9]{6}$/);
  expect(new Set(names).size).toBe(5);
  expect(await stateOf(tenant, key.id)).toMatchObject({ uses: 5, max_uses: 5, used_up_at: expect.any(Number) });
});

test("a cap is reached by the last use and not by the one before; without one there is no end", async () => {
  const tenant = await tenantOf();
  const [two, any, single] = [
    await create(tenant, { reusable: true, max_uses: 2 }),
    await create(tenant, { reusable: true }),
    await create(tenant, {}),
  ];
  expect([two, any, single].map((key) => key["max_uses"])).toEqual([2, null, 1]);
  const outcome = async (key: Key, times: number) => {
    const statuses: number[] = [];
    for (let i = 0; i < times; i++) statuses.push((await registerWith(key)).status);
    return statuses;
  };
  expect(await outcome(two, 1)).toEqual([201]);
  expect(await stateOf(tenant, two.id)).toMatchObject({ uses: 1, used_up_at: null });
  expect(await outcome(two, 2)).toEqual([201, 403]);
  expect(await outcome(any, 3)).toEqual([201, 201, 201]);
  expect(await stateOf(tenant, any.id)).toMatchObject({ uses: 3, used_up_at: null });
  expect(await outcome(single, 2)).toEqual([201, 403]);
  expect((await instancesOf(single.id)).map(({ name }) => name)).toEqual([null]);
});

test("what a key cannot be is refused by the name of its field", async () => {
  const [tenant, beside] = [await tenantOf(), await tenantOf()];
  for (const [wanted, path] of [
    [{ reusable: true, max_uses: 0 }, "max_uses"],
    [{ reusable: true, max_uses: 100_001 }, "max_uses"],
    [{ reusable: true, max_uses: 1.5 }, "max_uses"],
    [{ max_uses: 2 }, "max_uses"],
    [{ name_prefix: "" }, "name_prefix"],
    [{ name_prefix: "x".repeat(41) }, "name_prefix"],
    [{ name_prefix: "a\nb" }, "name_prefix"],
    [{ valid_until: 1 }, "valid_until"],
  ] as const) {
    const { status, body } = await ask<{ errors: { path: string }[] }>(tenant, "POST", "/api/v1/registration-keys", {
      name: "k",
      ...wanted,
    });
    expect([wanted, status, body.errors.map((error) => error.path)]).toEqual([wanted, 400, [path]]);
  }
  const bounds = await create(tenant, { reusable: true, max_uses: 100_000, name_prefix: "x".repeat(40) });
  expect(bounds).toMatchObject({ max_uses: 100_000 });
  const removed = newId("workspace", Date.now());
  await ownerRows(sql`insert into workspaces (id, tenant_id, name, generation, created_at, removed_at)
    values (${uuidFromId("workspace", removed)}, ${uuidFromId("tenant", tenant.id)}, 'gone', 0, now(), now())`);
  for (const workspace of [beside.workspaceId, removed]) {
    const body = { name: "k", workspace_id: workspace };
    expect((await ask(tenant, "POST", "/api/v1/registration-keys", body)).status).toBe(404);
  }
});

test("after a leak: the key ends, and on request a thousand instances with it, in words to the gate", async () => {
  const tenant = await tenantOf();
  const [leaked, good] = [
    await create(tenant, { reusable: true, max_uses: 100_000 }),
    await create(tenant, { reusable: true }),
  ];
  await manyWith(tenant, leaked.id, 1_000);
  await manyWith(tenant, good.id, 3);
  const path = `/api/v1/registration-keys/${leaked.id}/revoke`;
  const kept = await ask(tenant, "POST", path, {});
  expect(kept).toEqual({
    status: 200,
    body: {
      object: "registration_key",
      id: leaked.id,
      revoked_at: expect.closeTo(Date.now() / 1000, -2),
      instances_ended: 0,
      instances_remaining: 0,
      effective: true,
    },
  });
  expect((await registerWith(leaked)).status).toBe(403);
  expect((await instancesOf(leaked.id)).some(({ revoked }) => revoked)).toBe(false);

  const revoked = await ask(tenant, "POST", path, { instances: "revoke" });
  expect(revoked).toMatchObject({
    status: DONE,
    body: { revoked_at: kept.body["revoked_at"], instances_ended: 1_000, instances_remaining: 0 },
  });
  const all = await instancesOf(leaked.id);
  expect(all.every(({ revoked: ended, removed, secret }) => ended && !removed && !secret)).toBe(true);
  expect(await messages(tenant, "client-revoked")).toHaveLength(1_000);
  expect((await ask(tenant, "POST", path, { instances: "revoke" })).body).toMatchObject({ instances_ended: 0 });
  expect((await ask(tenant, "POST", path)).body).toMatchObject({ instances_ended: 0, effective: true });

  expect((await ask(tenant, "POST", path, { instances: "remove" })).body).toMatchObject({ instances_ended: 1_000 });
  expect((await instancesOf(leaked.id)).every(({ removed }) => removed)).toBe(true);
  expect(await messages(tenant, "instance-removed")).toHaveLength(1_000);
  // Nothing of the other key's.
  expect(await instancesOf(good.id)).toEqual(
    Array(3).fill({ name: null, revoked: false, removed: false, secret: true }),
  );
  expect(await messages(tenant, "client-revoked")).toHaveLength(1_000);
});

test("the sign-ins on the instances of a leaked key end with them, and no others", async () => {
  const tenant = await tenantOf();
  const key = await create(tenant, { reusable: true });
  const ids = async () => {
    await registerWith(key);
    const { body } = await ask(tenant, "GET", "/api/v1/instances");
    return body.data.map((instance) => instance["id"]) as Id<"instance">[];
  };
  const [instance] = await ids();
  const person = await personIn(tenant, "member");
  await signInOn(tenant, instance as Id<"instance">, person.id);
  const elsewhere = await signInOn(tenant, newId("instance", Date.now()), person.id);
  await ask(tenant, "POST", `/api/v1/registration-keys/${key.id}/revoke`, { instances: "revoke" });
  const live = await ownerRows<{ id: string }>(sql`
    select f.id from token_families f where f.ended_at is null and exists (
      select from refresh_tokens r where r.family_id = f.id and r.revoked_at is null) and tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  expect(live).toEqual([{ id: uuidFromId("tokenFamily", elsewhere) }]);
});

test("registrations that race a revocation: none is left live", { timeout: 60_000 }, async () => {
  const tenant = await tenantOf();
  const key = await create(tenant, { reusable: true });
  const path = `/api/v1/registration-keys/${key.id}/revoke`;
  const registrations = Array.from({ length: 12 }, () => registerWith(key));
  const [revoked, ...answers] = await Promise.all([
    ask(tenant, "POST", path, { instances: "revoke" }),
    ...registrations,
  ]);
  expect(revoked.status).toEqual(DONE);
  for (const answer of answers) expect([201, 403]).toContain(answer.status);
  const all = await instancesOf(key.id);
  expect(all).toHaveLength(answers.filter(({ status }) => status === 201).length);
  expect(all.filter(({ revoked: ended }) => !ended)).toEqual([]);
});

test("instances are ended by whoever may end instances, and a key that was another's is not there", async () => {
  const [tenant, beside] = [await tenantOf(), await tenantOf()];
  const key = await create(tenant, { reusable: true });
  await manyWith(tenant, key.id, 1);
  const apiKey = await mintRoutingId("api-key", tenant.gateId, await testRoutingKeys());
  await owner(async (db) =>
    db.insert(credentials).values({
      id: newId("credential", Date.now()),
      tenantId: tenant.id,
      kind: "api-key",
      name: "k",
      secretHash: await hashSecret(apiKey),
      permissions: ["registration-keys:write"],
      createdAt: Date.now(),
    }),
  );
  const path = `/api/v1/registration-keys/${key.id}/revoke`;
  for (const instances of ["revoke", "remove"]) {
    expect((await ask(tenant, "POST", path, { instances }, apiKey)).body.error).toBe("forbidden");
    expect((await ask(beside, "POST", path, { instances })).status).toBe(404);
  }
  expect(await stateOf(tenant, key.id)).toMatchObject({ revoked_at: null });
  const member = await sessionHeaders(await personIn(tenant, "member"), "POST");
  const asMember = await call(path, {
    method: "POST",
    headers: { ...member, "content-type": "application/json" },
    body: "{}",
  });
  expect(asMember.status).toBe(403);
  expect((await ask(tenant, "POST", path, { instances: "everything" })).status).toBe(400);
  expect((await ask(tenant, "POST", path, {}, apiKey)).status).toBe(200);
  expect(await instancesOf(key.id)).toMatchObject([{ revoked: false }]);
  // DELETE is for a live one, and keeps what registered.
  expect((await ask(tenant, "DELETE", `/api/v1/registration-keys/${key.id}`)).status).toBe(404);
  const other = await create(tenant, { reusable: true });
  expect((await ask(tenant, "DELETE", `/api/v1/registration-keys/${other.id}`)).status).toBe(200);
  expect(
    await ownerRows(
      sql`select from ${registrationKeys} where revoked_at is null and tenant_id = ${uuidFromId("tenant", tenant.id)}`,
    ),
  ).toHaveLength(1);
});
