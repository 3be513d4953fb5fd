import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret, newSecret } from "../src/access/secret.ts";
import { createApp } from "../src/app.ts";
import { newId, uuidFromId } from "../src/core/id.ts";
import { registrationKeys } from "../src/db/schema.ts";
import { deliverAllOutboxes } from "../src/gate/outbox.ts";
import type { Gate } from "../src/gate/protocol.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { withFault } from "../src/testing/faults.ts";
import { call, ORIGIN, ping } from "../src/testing/instance.ts";
import {
  ALL_GRANTS,
  answerWith,
  beginLogin,
  newAddress,
  type OAuthClient,
  patOf,
  proof,
  REDIRECT_URI,
} from "../src/testing/oauth-world.ts";
import { personIn } from "../src/testing/people.ts";
import { owner, ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** Registrations whose answer was lost, and that are repeated with their Idempotency-Key. */

type Properties = Partial<typeof registrationKeys.$inferInsert>;
type Answer = OAuthClient & Record<string, unknown>;
type Fetch = (path: string, init: RequestInit) => Promise<Response>;

/** A registration key for one use, unless it says otherwise. */
async function keyOf(tenant: TestTenant, properties: Properties = {}): Promise<string> {
  const key = await mintRoutingId("registration-key", tenant.gateId, await testRoutingKeys());
  const [id, createdAt] = [newId("registrationKey", Date.now()), Date.now()];
  const { id: tenantId, workspaceId } = tenant;
  const values = { id, tenantId, workspaceId, name: "k", secretHash: await hashSecret(key), createdAt, uses: 0 };
  await owner((db) => db.insert(registrationKeys).values({ ...values, reusable: false, ...properties }));
  return key;
}

const metadata = { scope: "profile:read", grant_types: ALL_GRANTS, redirect_uris: [REDIRECT_URI] };
const withKey = (instance_registration_key: string, more: object = {}) => ({
  ...metadata,
  instance_registration_key,
  ...more,
});

function register(body: object, name: string | null, fetch: Fetch = call): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    "cf-connecting-ip": newAddress(),
    ...(name !== null && { "idempotency-key": name }),
  };
  return fetch("/oauth2/register", { method: "POST", headers, body: JSON.stringify(body) });
}
async function registered(body: object, name: string | null): Promise<Answer> {
  const response = await register(body, name);
  expect(response.status).toBe(201);
  return await response.json<Answer>();
}
const refusal = async (response: Response) => {
  const { error, error_description } = await response.json<Record<string, string>>();
  return [response.status, error, error_description];
};
async function tokenWith(client: OAuthClient): Promise<[number, string]> {
  const form = { ...proof(client), grant_type: "client_credentials" };
  const response = await call("/oauth2/token", { method: "POST", body: new URLSearchParams(form) });
  const { error, access_token } = await response.json<Record<string, string>>();
  return [response.status, error ?? access_token ?? ""];
}
const GOOD = [200, expect.stringMatching(/^ey/)];
const WRONG = [401, "invalid_client"];
const UNCLAIMED = [400, "unauthorized_client"];
const USED = [403, "access_denied", "The registration key has been used as often as it may be."];
const REUSED = [422, "invalid_request", "This Idempotency-Key was used for another request."];
const ENDED = [409, "invalid_request", expect.stringContaining("claimed, locked, revoked or removed since")];

const uuid = ({ id }: TestTenant) => uuidFromId("tenant", id);
const instancesOf = (tenant: TestTenant) =>
  ownerRows<{ client_id: string; live_secrets: number }>(sql`
    select client_id, (select count(*)::int from credentials c where c.instance_id = i.id and c.revoked_at is null) as live_secrets
      from instances i where tenant_id = ${uuid(tenant)}`);
const usesOf = async (key: string) => {
  const hash = [...(await hashSecret(key))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const [row] = await ownerRows<{ uses: number }>(
    sql`select uses from registration_keys where secret_hash = decode(${hash}, 'hex')`,
  );
  return row?.uses;
};
const unclaimedOf = ({ client_id }: OAuthClient) =>
  ownerRows(sql`select from unclaimed_registrations where client_id = ${client_id}`);

test("a key for one use whose answer was lost: the repeat has the same instance and another secret, and uses nothing", async () => {
  const tenant = await testTenant();
  const [key, name] = [await keyOf(tenant), newSecret()];
  // The role of a fresh connection is checked first: the fault is for the commit.
  const plain = await registered(withKey(await keyOf(await testTenant())), null);
  const lost = await withFault({ kind: "drop-after-commit", times: 1 }, () => register(withKey(key), name));
  expect(lost.status).toBe(503);
  expect(await instancesOf(tenant)).toHaveLength(1);
  const answers: Answer[] = [];
  for (let i = 0; i < 3; i++) {
    const response = await register(withKey(key), name);
    expect([response.status, response.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    answers.push(await response.json<Answer>());
  }
  const [made] = await instancesOf(tenant);
  expect(answers.map(({ client_id }) => client_id)).toEqual(Array(3).fill(made?.client_id));
  expect(new Set(answers.map(({ client_secret }) => client_secret)).size).toBe(3);
  expect([await instancesOf(tenant), await usesOf(key)]).toEqual([[{ ...made, live_secrets: 1 }], 1]);
  // Of the secrets the last alone is good, at the gate too, and the instance goes on with it.
  const [first, second, last] = answers as [Answer, Answer, Answer];
  expect([await tokenWith(first), await tokenWith(second)]).toEqual([WRONG, WRONG]);
  const [status, token] = await tokenWith(last);
  expect([status, (await ping(token)).status]).toEqual([200, 200]);
  expect(Object.keys(last)).toEqual(Object.keys(plain));
  const events = await ownerRows(
    sql`select event, actor_kind from authentication_events where tenant_id = ${uuid(tenant)} and event = 'client-registered-again'`,
  );
  expect(events).toEqual(Array(3).fill({ event: "client-registered-again", actor_kind: "instance" }));
});

test("without the header, or with another one, a key for one use that is used up stays so", async () => {
  const tenant = await testTenant();
  const [key, name] = [await keyOf(tenant), newSecret()];
  const { client_id } = await registered(withKey(key), name);
  for (const other of [null, newSecret(), name.toLowerCase()]) {
    expect(await refusal(await register(withKey(key), other))).toEqual(USED);
  }
  // With a reusable key they are registrations of their own, and the same name with another key is another's.
  const reusable = await keyOf(tenant, { reusable: true });
  const more = [];
  for (const one of [null, null, newSecret(), name]) more.push((await registered(withKey(reusable), one)).client_id);
  expect(new Set([client_id, ...more]).size).toBe(5);
  expect([await usesOf(key), await usesOf(reusable)]).toEqual([1, 4]);
  expect((await registered(withKey(reusable), name)).client_id).toBe(more[3]);
  expect(await usesOf(reusable)).toBe(4);
});

test("another body with the same Idempotency-Key is refused and changes nothing; another order of it is no other", async () => {
  const tenant = await testTenant();
  const [key, name] = [await keyOf(tenant), newSecret()];
  for (const { body, good } of [
    { body: withKey(key), good: GOOD },
    { body: metadata, good: UNCLAIMED },
  ]) {
    const client = await registered(body, name);
    for (const other of [{ scope: "profile:read assistant" }, { client_name: "other" }, { redirect_uris: [] }]) {
      expect(await refusal(await register({ ...body, ...other }, name))).toEqual(REUSED);
    }
    expect(await tokenWith(client)).toEqual(good);
    const turned = Object.fromEntries(Object.entries(body).toReversed());
    expect((await registered(turned, `"${name}"`)).client_id).toBe(client.client_id);
  }
});

test("of ten at once there is one instance, one use of the key and one secret", async () => {
  const tenant = await testTenant();
  const [key, name] = [await keyOf(tenant), newSecret()];
  const responses = await Promise.all(Array.from({ length: 10 }, () => register(withKey(key), name)));
  expect(responses.map(({ status }) => status)).toEqual(Array(10).fill(201));
  const clients = await Promise.all(responses.map((response) => response.json<Answer>()));
  expect(new Set(clients.map(({ client_id }) => client_id)).size).toBe(1);
  expect([await instancesOf(tenant), await usesOf(key)]).toEqual([
    [{ client_id: clients[0]?.client_id, live_secrets: 1 }],
    1,
  ]);
  const outcomes = [];
  for (const client of clients) outcomes.push((await tokenWith(client))[0]);
  expect(outcomes.toSorted()).toEqual([200, ...Array(9).fill(401)]);
});

test("an answer with a secret that the gate has not heard of is not given: it is repeated once more", async () => {
  const tenant = await testTenant();
  const [key, name] = [await keyOf(tenant), newSecret()];
  const { fetch } = await appWithFailingGates("unknown", Number.POSITIVE_INFINITY, "deliver");
  const first = await (await register(withKey(key), name, fetch)).json<Answer>();
  const untold = await register(withKey(key), name, fetch);
  expect([untold.status, Number(untold.headers.get("retry-after")) > 0]).toEqual([503, true]);
  const last = await registered(withKey(key), name);
  expect(last.client_id).toBe(first.client_id);
  expect([await tokenWith(first), await tokenWith(last)]).toEqual([WRONG, GOOD]);
  // Nothing that comes late takes it back.
  await deliverAllOutboxes(await createDeps(env));
  expect(await tokenWith(last)).toEqual(GOOD);
});

test("a repeat is refused once the key or the tenant is not good any more, or the instance has ended", async () => {
  const set = (table: string, change: string) => (tenant: TestTenant) =>
    ownerRows(
      sql`update ${sql.identifier(table)} set ${sql.raw(change)} where ${sql.identifier(table === "tenants" ? "id" : "tenant_id")} = ${uuid(tenant)}`,
    );
  const denied = (text: string) => [403, "access_denied", expect.stringContaining(text)];
  const ends: [change: (tenant: TestTenant) => Promise<unknown>, unknown[]][] = [
    [set("registration_keys", "revoked_at = now()"), denied("revoked")],
    [set("registration_keys", "valid_until = now() - interval '1 second'"), denied("expired")],
    [set("tenants", "status = 'suspended'"), denied("suspended")],
    [set("tenants", "closed_at = now()"), denied("closed")],
    [set("instances", "revoked_at = now()"), ENDED],
    [set("instances", "removed_at = now()"), ENDED],
  ];
  for (const reusable of [false, true]) {
    for (const [change, expected] of ends) {
      const tenant = await testTenant();
      const [key, name] = [await keyOf(tenant, { reusable }), newSecret()];
      const { client_id } = await registered(withKey(key), name);
      expect((await registered(withKey(key), name)).client_id).toBe(client_id);
      await change(tenant);
      expect(await refusal(await register(withKey(key), name))).toEqual(expected);
      expect(await instancesOf(tenant)).toHaveLength(1);
    }
  }
});

test("after 24 hours a repeat is a request like any other", async () => {
  const tenant = await testTenant();
  const [single, reusable, name] = [await keyOf(tenant), await keyOf(tenant, { reusable: true }), newSecret()];
  const [one, two, open] = [
    await registered(withKey(single), name),
    await registered(withKey(reusable), name),
    await registered(metadata, name),
  ];
  const age = (hours: number) =>
    ownerRows(sql`with records as (
        update idempotency_records set recorded_at = now() - ${`${hours} hours`}::interval where tenant_id = ${uuid(tenant)})
      update unclaimed_registrations set registered_at = now() - ${`${hours} hours`}::interval where client_id = ${open.client_id}`);
  await age(23.9);
  expect((await registered(withKey(single), name)).client_id).toBe(one.client_id);
  expect((await registered(withKey(reusable), name)).client_id).toBe(two.client_id);
  expect((await registered(metadata, name)).client_id).toBe(open.client_id);
  await age(24.1);
  expect(await refusal(await register(withKey(single), name))).toEqual(USED);
  expect((await registered(withKey(reusable), name)).client_id).not.toBe(two.client_id);
  const anew = await registered(metadata, name);
  expect(anew.client_id).not.toBe(open.client_id);
  expect((await registered(metadata, name)).client_id).toBe(anew.client_id);
});

test("a public client that repeats is the same and has no secret", async () => {
  const tenant = await testTenant();
  const open = { token_endpoint_auth_method: "none", grant_types: ALL_GRANTS.slice(1) };
  for (const body of [withKey(await keyOf(tenant), open), { ...metadata, ...open }]) {
    const name = newSecret();
    const [first, again] = [await registered(body, name), await registered(body, name)];
    expect([again.client_id, again.client_secret]).toEqual([first.client_id, undefined]);
    expect((await beginLogin({ client_id: again.client_id })).user_code).toMatch(/-/);
  }
});

test("a client that has changed what it registered is answered and known as it is now", async () => {
  const tenant = await testTenant();
  for (const body of [withKey(await keyOf(tenant)), metadata]) {
    const name = newSecret();
    const { client_id, client_secret } = await registered(body, name);
    const change = { client_id, client_secret, ...metadata, scope: "profile:read offline" };
    const headers = { "content-type": "application/json" };
    const changed = { method: "PUT", headers, body: JSON.stringify(change) };
    expect((await call(`/oauth2/register/${client_id}`, changed)).status).toBe(200);
    const again = await registered(body, name);
    expect(again["scope"]).toBe("profile:read offline");
    const known = { method: "PUT", headers, body: JSON.stringify({ ...change, client_secret: again.client_secret }) };
    expect(await (await call(`/oauth2/register/${client_id}`, known)).json()).toMatchObject({ scope: change.scope });
  }
});

test("an unclaimed client that repeats has another secret and another claim code; the former are worth nothing", async () => {
  const tenant = await testTenant();
  const name = newSecret();
  const [first, last] = [await registered(metadata, name), await registered(metadata, name)];
  expect(last).toEqual({ ...first, client_secret: expect.any(String), claim_code: expect.any(String) });
  expect([last.client_secret === first.client_secret, last.claim_code === first.claim_code]).toEqual([false, false]);
  expect([await tokenWith(first), await tokenWith(last)]).toEqual([WRONG, UNCLAIMED]);
  const person = await personIn(tenant, "owner");
  const pat = await patOf(person, ["device:approve", "instance:claim", "profile:read"], tenant.workspaceId);
  const pending = await beginLogin(last, "profile:read");
  expect((await answerWith(pat, "approve", pending, { claim_code: first.claim_code as string })).status).toBe(403);
  expect((await answerWith(pat, "approve", pending, { claim_code: last.claim_code as string })).status).toBe(200);
  expect(await tokenWith(last)).toEqual(GOOD);
  // Somebody's now: whoever finds the Idempotency-Key gets nothing by it.
  expect(await refusal(await register(metadata, name))).toEqual(ENDED);
  expect(await tokenWith(last)).toEqual(GOOD);
});

test("an unclaimed client that wrong claim codes have locked is not given another code", async () => {
  const name = newSecret();
  const { client_id } = await registered(metadata, name);
  const attempts = (n: number) =>
    ownerRows(sql`update unclaimed_registrations set claim_attempts = ${n} where client_id = ${client_id}`);
  await attempts(9);
  expect((await register(metadata, name)).status).toBe(201);
  await attempts(10);
  expect(await refusal(await register(metadata, name))).toEqual(ENDED);
  expect((await registered(metadata, newSecret())).client_id).not.toBe(client_id);
});

test("of ten unclaimed ones at once there is one client, and its gate and Postgres hold the same secret", async () => {
  const name = newSecret();
  const responses = await Promise.all(Array.from({ length: 10 }, () => register(metadata, name)));
  const good = responses.filter(({ status }) => status === 201);
  expect(good.length).toBeGreaterThan(0);
  // Overtaken again and again: it says so, and asks for another repeat.
  for (const { status } of responses) expect([201, 503]).toContain(status);
  const clients = await Promise.all(good.map((response) => response.json<Answer>()));
  expect(new Set(clients.map(({ client_id }) => client_id)).size).toBe(1);
  const last = await registered(metadata, name);
  expect([last.client_id, await tokenWith(last)]).toEqual([clients[0]?.client_id, UNCLAIMED]);
  expect(await unclaimedOf(last)).toHaveLength(1);
});

test("a repeat that reaches the gate after a later one makes another secret, which is good in both places", async () => {
  const name = newSecret();
  const first = await registered(metadata, name);
  const deps = await createDeps(env);
  let later: Answer | null = null;
  const gate = (gateId: string) =>
    new Proxy(deps.gates.gate(gateId), {
      get: (real, method) => async (argument: never) => {
        // What comes between its write to Postgres and its write to the gate.
        if (method === "change" && later === null) later = await registered(metadata, name);
        return await real[method as "take"](argument);
      },
    }) as Gate;
  const app = createApp({ ...deps, gates: { gate } });
  const overtaken = await register(metadata, name, async (path, init) => app.fetch(new Request(ORIGIN + path, init)));
  expect(overtaken.status).toBe(201);
  const last = await overtaken.json<Answer>();
  for (const void_ of [first, later as unknown as Answer]) expect(await tokenWith(void_)).toEqual(WRONG);
  // At the gate, and in Postgres, by which a change is proved.
  expect(await tokenWith(last)).toEqual(UNCLAIMED);
  const body = JSON.stringify({ client_id: last.client_id, client_secret: last.client_secret, ...metadata });
  const headers = { "content-type": "application/json" };
  expect((await call(`/oauth2/register/${last.client_id}`, { method: "PUT", headers, body })).status).toBe(200);
});

test("a repeat that the nursery does not hear of is a 503, and the next one mends it", async () => {
  const name = newSecret();
  const first = await registered(metadata, name);
  const { fetch } = await appWithFailingGates("unknown", 1, "change");
  expect((await register(metadata, name, fetch)).status).toBe(503);
  const last = await registered(metadata, name);
  expect([await tokenWith(first), await tokenWith(last)]).toEqual([WRONG, UNCLAIMED]);
});

test("an Idempotency-Key that could be another's by chance is refused by name, and is stored nowhere", async () => {
  const tenant = await testTenant();
  const key = await keyOf(tenant, { reusable: true });
  const cases: [body: object, least: number][] = [
    [withKey(key), 16],
    [metadata, 22],
  ];
  for (const [body, least] of cases) {
    const name = newSecret();
    for (const wrong of ["", "1", name.slice(0, least - 1), `${name} ${name}`, "x".repeat(256)]) {
      const response = await register(body, wrong);
      expect([wrong, response.status, await response.json()]).toEqual([
        wrong,
        400,
        expect.objectContaining({
          error: "invalid_request",
          errors: [{ path: "Idempotency-Key", message: expect.stringContaining(`takes ${least} to 255`) }],
        }),
      ]);
    }
    const shortest = name.slice(0, least);
    const { client_id, client_secret = "" } = await registered(body, shortest);
    const rows = await ownerRows<{ row: string }>(sql`
      select row_to_json(t)::text as row from idempotency_records t where tenant_id = ${uuid(tenant)}
      union all select row_to_json(t)::text from unclaimed_registrations t where client_id = ${client_id}
      union all select row_to_json(t)::text from audit_entries t where tenant_id = ${uuid(tenant)}`);
    expect(rows.length).toBeGreaterThan(0);
    for (const secret of [shortest, client_secret]) {
      expect(rows.filter(({ row }) => row.includes(secret))).toEqual([]);
    }
  }
});
