import { afterAll, beforeAll, expect, it } from "vitest";
import { newId, uuidFromId } from "../src/core/id.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** What the database itself refuses of a registration that is repeated, whatever the Worker asks: as ebb_app. */

let database: ScratchDatabase;
let platform: TestTenant;
let elsewhere: TestTenant;

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  elsewhere = await database.tenant({ parent: platform });
});
afterAll(() => database.drop());

const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const uuid = ({ id }: TestTenant) => uuidFromId("tenant", id);

interface Place {
  tenant: TestTenant;
  secret: string;
  key: string;
  client: string;
}

/** A used-up key of a tenant of its own, the instance that registered with it, and the record of that. */
async function place(of?: TestTenant): Promise<Place> {
  const tenant = of ?? (await database.tenant({ parent: platform }));
  const [secret, client] = [crypto.randomUUID(), `ebbc_${crypto.randomUUID()}`];
  const key = uuidFromId("registrationKey", newId("registrationKey", Date.now()));
  const workspace = uuidFromId("workspace", tenant.workspaceId);
  await owner(
    `insert into registration_keys (id, tenant_id, workspace_id, name, secret_hash, reusable, uses, used_up_at, created_at)
     values ($1, $2, $3, 'k', $4, false, 1, now(), now())`,
    [key, uuid(tenant), workspace, await hashOf(secret)],
  );
  const id = uuidFromId("instance", newId("instance", Date.now()));
  await owner(
    `insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registration_key_id, registered_at)
     values ($1, $2, $3, $4, 'profile:read', '{}', $5, now())`,
    [id, uuid(tenant), workspace, client, key],
  );
  await owner(
    `insert into credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
     values (gen_random_uuid(), $1, 'client-secret', 'client secret', $2, $3, '{}', now())`,
    [uuid(tenant), id, await hashOf(client)],
  );
  await record({ tenant, key }, "name", client);
  return { tenant, secret, key, client };
}

async function record({ tenant, key }: Pick<Place, "tenant" | "key">, name: string, clientId: string): Promise<void> {
  await owner(
    `insert into idempotency_records (tenant_id, actor_id, key, route, request_hash, result, recorded_at)
     values ($1, $2, $3, 'POST /oauth2/register', $4, $5, now())`,
    [uuid(tenant), key, name, await hashOf("body"), JSON.stringify({ clientId })],
  );
}

const again = async (
  secret: string,
  { name = "name", body = "body", role = "app" as "app" | "jobs", instead = crypto.randomUUID() as string } = {},
) =>
  database
    .as(role)
    .query("select * from ebb.register_again($1, $2, $3, $4, 'AT', 'req')", [
      await hashOf(secret),
      name,
      await hashOf(body),
      await hashOf(instead),
    ]);
const refused = (secret: string, more: Parameters<typeof again>[1] = {}) => refusal(again(secret, more));

it("a used-up key and its Idempotency-Key replace the secret of the instance that registered, and of no other", async () => {
  const [mine, beside] = [await place(), await place()];
  const [row] = await again(mine.secret, { instead: "another secret" });
  expect(row).toMatchObject({ client_id: mine.client, gate_id: mine.tenant.gateId, scope: "profile:read" });
  const live = await owner(
    `select i.client_id, c.secret_hash = $3 as replaced from credentials c join instances i on i.id = c.instance_id
      where c.revoked_at is null and i.client_id in ($1, $2) order by replaced`,
    [mine.client, beside.client, await hashOf("another secret")],
  );
  expect(live).toEqual([
    { client_id: beside.client, replaced: false },
    { client_id: mine.client, replaced: true },
  ]);
  const posted = await owner(
    "select message->>'clientId' as client, message->>'secretHash' is not null as secret from outbox where tenant_id = any ($1::uuid[]) and message->>'kind' = 'client'",
    [[uuid(mine.tenant), uuid(beside.tenant)]],
  );
  expect(posted).toEqual([{ client: mine.client, secret: true }]);
});

it("another key, another name and what was never registered find nothing; another body is refused", async () => {
  const mine = await place();
  const sibling = await place(mine.tenant);
  expect(await again(mine.secret, { name: "other" })).toEqual([]);
  await record(sibling, "sibling's", sibling.client);
  expect(await again(mine.secret, { name: "sibling's" })).toEqual([]);
  expect((await again(sibling.secret, { name: "sibling's" }))[0]).toMatchObject({ client_id: sibling.client });
  expect(await refused(mine.secret, { body: "other" })).toBe("EB437");
  // A record that names another tenant's client opens nothing of it.
  const theirs = await place(elsewhere);
  await record(mine, "stray", theirs.client);
  expect(await refused(mine.secret, { name: "stray" })).toBe("EB436");
});

it("the key, the tenant and the instance must be good still, whoever has entered before", async () => {
  expect(await refused("nobody's")).toBe("EB401");
  const ends: [change: string, (at: Place) => string, code: string][] = [
    ["update registration_keys set revoked_at = now() where id = $1", ({ key }) => key, "EB411"],
    ["update registration_keys set valid_until = now() where id = $1", ({ key }) => key, "EB410"],
    ["update tenants set status = 'suspended' where id = $1", ({ tenant }) => uuid(tenant), "EB403"],
    ["update tenants set closed_at = now() where id = $1", ({ tenant }) => uuid(tenant), "EB413"],
    ["update instances set revoked_at = now() where client_id = $1", ({ client }) => client, "EB436"],
    ["update instances set removed_at = now() where client_id = $1", ({ client }) => client, "EB436"],
  ];
  for (const [change, of, code] of ends) {
    const at = await place();
    expect(await again(at.secret)).toHaveLength(1);
    await owner(change, [of(at)]);
    expect([change, await refused(at.secret)]).toEqual([change, code]);
  }
});

it("only the application asks", async () => {
  const { secret } = await place();
  expect(await refusal(again(secret, { role: "jobs" }))).toBe("42501");
});
