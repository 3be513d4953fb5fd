import { evictDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { afterEach, expect, test, vi } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { toHex } from "../src/core/bytes.ts";
import { HOUR_MS } from "../src/core/clock.ts";
import { idFromUuid, uuidFromId } from "../src/core/id.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { statementsDuring, withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, register, takeCall, tellGate } from "../src/testing/instance.ts";
import { becomes, somebody, tellKeysChanged } from "../src/testing/key-world.ts";
import { ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";

afterEach(() => void vi.useRealTimers());

type Headers = Record<string, string>;
type Json = Record<string, unknown>;
interface Made extends Json {
  id: string;
  key: string;
}

const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` });
async function ask(method: string, path: string, headers: Headers, body?: unknown, cf?: Json) {
  const response = await call(path, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(cf !== undefined && { cf }),
  } as RequestInit);
  const json = await response.json<Json>();
  return { status: response.status, error: json["error"], json, headers: response.headers };
}
const user = (key: string, more: Headers = {}, cf?: Json) =>
  ask("GET", "/api/v1/user", { ...bearer(key), ...more }, undefined, cf);
const make = async (headers: Headers, body: Json, path = "/api/v1/keys") => {
  const { status, json } = await ask("POST", path, headers, { name: "made", ...body });
  if (status !== 201) throw new Error(`${path} answered ${status} ${JSON.stringify(json)}`);
  return json as Made;
};
const said = ({ status, error }: { status: number; error: unknown }) => [status, error];
const change = (id: string, set: ReturnType<typeof sql>) =>
  ownerRows(sql`update credentials set ${set} where id = ${uuidFromId("credential", id)}`);
const rowOf = async (id: string) =>
  (await ownerRows(sql`select * from credentials where id = ${uuidFromId("credential", id)}`))[0] as Json;
const eventsOf = (tenant: TestTenant, event: string) =>
  ownerRows(sql`
    select event, outcome, actor_kind, actor_id, person_id, place from authentication_events
     where tenant_id = ${uuidFromId("tenant", tenant.id)} and event = ${event} order by id`);

test("cold a key costs one statement, warm none; forged and mistyped ones none and no call of a gate either", async () => {
  const tenant = await testTenant();
  const key = tenant.apiKey;
  const cold = await statementsDuring(async () => expect((await user(key)).status).toBe(200));
  const warm = await statementsDuring(async () => {
    for (let n = 0; n < 5; n++) expect((await user(key)).status).toBe(200);
  });
  expect([cold, warm]).toEqual([1, 0]);
  // What a gate knows survives its sleep: a dashboard that asks once a minute stays warm.
  await evictDurableObject(gateOf(tenant));
  await withoutPostgres(async () => {
    expect((await user(key)).json).toMatchObject({ object: "user", kind: "api-key", tenant_id: tenant.id });
    const flipped = key.endsWith("A") ? "Q" : "A";
    for (const forged of [key.slice(0, -1) + flipped, key.replace("ebb_", "ebbp_"), key.slice(0, 40), `${key}A`]) {
      expect(said(await user(forged)), forged).toEqual([401, "unauthenticated"]);
    }
    // The control: one that was made by us, but is not known, gets as far as Postgres.
    expect(said(await user((await testTenantKeyOf(tenant)) as string))).toEqual([503, "unavailable"]);
  });
  const inspected = await gateOf(tenant).inspect({ v: PROTOCOL, gateId: tenant.gateId, subjects: {} });
  expect(inspected.refusals).toEqual([]);
});

/** A key that leads to the tenant's gate and is nobody's. */
async function testTenantKeyOf(tenant: TestTenant): Promise<string> {
  return await mintRoutingId("api-key", tenant.gateId, await testRoutingKeys());
}

test("a key is looked up again in every hour of its use, and its last use is true by the hour", async () => {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now });
  const tenant = await testTenant();
  const [row] = await ownerRows<{ id: string }>(
    sql`select id from credentials where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  const lastUsed = () =>
    ownerRows(
      sql`select last_used_at = date_trunc('hour', now(), 'UTC') as now from credentials where id = ${row?.id}`,
    );
  expect(await lastUsed()).toEqual([{ now: null }]);
  await user(tenant.apiKey);
  expect(await lastUsed()).toEqual([{ now: true }]);
  const nextHour = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
  vi.setSystemTime(nextHour - 1);
  expect(await statementsDuring(() => user(tenant.apiKey))).toBe(0);
  vi.setSystemTime(nextHour);
  expect(await statementsDuring(() => user(tenant.apiKey))).toBe(1);
  expect(await statementsDuring(() => user(tenant.apiKey))).toBe(0);
  // By hour, not by hit: a look-up in the same hour writes nothing.
  await tellKeysChanged(tenant);
  const written = () => ownerRows(sql`select xmin::text from credentials where id = ${row?.id}`);
  const before = await written();
  expect(await statementsDuring(() => user(tenant.apiKey))).toBe(1);
  expect(await written()).toEqual(before);
});

test("a key that is known is refused by the next request once it is revoked, ended or its tenant suspended or closed", async () => {
  const tenant = await testTenant();
  const of = bearer(tenant.apiKey);
  const warm = async (body: Json = {}) => {
    const made = await make(of, body);
    expect((await user(made.key)).status).toBe(200);
    return made;
  };
  const revoked = await warm();
  expect((await ask("DELETE", `/api/v1/keys/${revoked.id}`, of)).json).toMatchObject({ effective: true });
  expect(said(await user(revoked.key))).toEqual([401, "key-revoked"]);

  // An end is kept with the facts: no database is asked, and no message is needed.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  const ending = await warm({ valid_until: Math.floor(Date.now() / 1000) + 60 });
  vi.setSystemTime(Date.now() + 61_000);
  expect(await statementsDuring(() => user(ending.key))).toBe(1);
  await change(ending.id, sql`valid_until = now()`);
  expect(said(await user(ending.key))).toEqual([401, "key-expired"]);
  vi.useRealTimers();

  const kept = await warm();
  for (const [status, problem] of [
    ["suspended", "tenant-suspended"],
    ["closed", "tenant-closed"],
  ] as const) {
    await ownerRows(sql`update tenants set status = ${status} where id = ${uuidFromId("tenant", tenant.id)}`);
    // Known still to the gate, the verb's own entering refuses it.
    expect(said(await ask("GET", "/api/v1/keys", bearer(kept.key)))).toEqual([403, problem]);
    await tellGate(tenant, { status });
    expect(said(await user(kept.key))).toEqual([403, "tenant-suspended"]);
    await tellGate(tenant, { status: "active" });
    expect(said(await user(kept.key))).toEqual([403, problem]);
    await ownerRows(sql`update tenants set status = 'active' where id = ${uuidFromId("tenant", tenant.id)}`);
    await tellGate(tenant, { status: "active" });
    expect((await user(kept.key)).status).toBe(200);
  }
});

test("what was looked up before a revocation, a change or news of the tenant is not learned after it", async () => {
  const tenant = await testTenant();
  const gate = gateOf(tenant);
  const { gateId } = tenant;
  const key = toHex(await hashSecret(tenant.apiKey));
  const take = () => gate.take(takeCall(tenant, { subjects: { key }, facts: true }));
  const miss = async () => ((await take()) as { ticket: string }).ticket;
  const learn = async (ticket: string) => {
    const known = { key, facts: "{}", callsPerHour: null, validUntilMs: null, ticket, takes: true };
    await gate.learn({ v: PROTOCOL, gateId, requestId: "req_1", ...known });
    return ((await take()) as { facts?: string }).facts;
  };
  let id = 1;
  const deliver = (message: unknown) =>
    gate.deliver({ v: PROTOCOL, gateId, messages: [{ id: id++, message }] as never });
  const tenantNews = { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team" };
  const other = { kind: "revoked", subject: { kind: "key", id: "ff" }, reason: "key-revoked", issuedBeforeMs: null };
  for (const news of [{ kind: "keys-changed" }, tenantNews, { ...other, untilMs: Date.now() + HOUR_MS }]) {
    const ticket = await miss();
    expect(await deliver(news)).toHaveLength(1);
    expect(await learn(ticket), JSON.stringify(news)).toBeUndefined();
    expect(await learn(await miss())).toBe("{}");
    // And what was known before it is not known after it.
    expect(await deliver(news)).toHaveLength(1);
    expect(await take()).not.toHaveProperty("facts");
  }
  // A gate that has slept remembers no ticket, also not one that it would count up to again.
  const ticket = await miss();
  await evictDurableObject(gate);
  expect(await learn(ticket)).toBeUndefined();
  for (const forged of ["", "x", " ", `${ticket.split(" ")[0]} NaN`, `undefined ${Date.now() + 1000}`]) {
    expect(await learn(forged)).toBeUndefined();
  }
  // The key itself, revoked while it was looked up: refused although the look-up found it live.
  const late = await miss();
  await deliver({ ...other, subject: { kind: "key", id: key }, untilMs: Date.now() + HOUR_MS });
  const known = { key, facts: "{}", callsPerHour: null, validUntilMs: null, ticket: late, takes: true };
  expect(await gate.learn({ v: PROTOCOL, gateId, requestId: "req_1", ...known })).toEqual({
    outcome: "refused",
    reason: "key-revoked",
  });
});

test("a key that was made from above ends when its tenant is moved; the tenant's own lives on", async () => {
  const platform = await testTenant({ kind: "platform" });
  const [from, to] = [
    await testTenant({ kind: "reseller", parent: platform }),
    await testTenant({ kind: "reseller", parent: platform }),
  ];
  const client = await testTenant({ kind: "client", parent: from });
  const admin = await somebody([from, "admin"]);
  const { key } = await make(admin.headers, {}, `/api/v1/keys?tenant_id=${client.id}`);
  expect((await user(key)).json).toMatchObject({ tenant_id: client.id, role: "admin", person_id: admin.id });
  const path = [platform, to, client].map(({ id }) => uuidFromId("tenant", id));
  await ownerRows(
    sql`update tenants set parent_id = ${path[1]}, path = ${`{${path.join(",")}}`} where id = ${path[2]}`,
  );
  await tellGate(client, { ancestors: [to.gateId] });
  // It was made from a tenant that is no longer above: it has ended, whether or not anybody wrote that down.
  expect((await user(key)).json).toMatchObject({ error: "key-revoked" });
  expect(said(await ask("GET", "/api/v1/instances", bearer(key)))).toEqual([401, "key-revoked"]);
  const own = bearer(client.apiKey);
  expect((await ask("GET", "/api/v1/keys", own)).status).toBe(200);
  for (const [reseller, status] of [
    [from, 404],
    [to, 200],
  ] as const) {
    const path = `/api/v1/keys?tenant_id=${client.id}`;
    expect((await ask("GET", path, bearer(reseller.apiKey))).status).toBe(status);
  }
});

test("a key of a person shrinks with their role on the next request, and does nothing once they have left", async () => {
  const tenant = await testTenant();
  const admin = await somebody([tenant, "admin"]);
  const wanted = { permissions: ["keys:read", "keys:write", "instances:read"] };
  const first = await make(admin.headers, wanted);
  expect(first).toMatchObject({ person_id: admin.id, permissions: wanted.permissions });
  // Made with a key of theirs, it is theirs too; one of nobody's is nobody's.
  const second = await make(bearer(first.key), {});
  expect(second).toMatchObject({ person_id: admin.id });
  const nobodys = await make(bearer(tenant.apiKey), {});
  expect(nobodys).toMatchObject({ person_id: null });
  const all = [first.key, second.key, nobodys.key];
  const may = async (path: string) => Promise.all(all.map(async (key) => (await ask("GET", path, bearer(key))).status));
  expect([await may("/api/v1/keys"), await may("/api/v1/instances")]).toEqual([
    [200, 200, 200],
    [200, 200, 200],
  ]);
  await becomes(admin, tenant, "member");
  expect([await may("/api/v1/keys"), await may("/api/v1/instances")]).toEqual([
    [403, 403, 200],
    [200, 200, 200],
  ]);
  expect((await user(first.key)).json["permissions"]).toEqual(wanted.permissions);
  await tellKeysChanged(tenant);
  expect((await user(first.key)).json).toMatchObject({ role: "member", permissions: ["instances:read"] });
  await becomes(admin, tenant, "removed");
  expect([await may("/api/v1/keys"), await may("/api/v1/instances")]).toEqual([
    [403, 403, 200],
    [403, 403, 200],
  ]);
  await tellKeysChanged(tenant);
  expect((await user(second.key)).json).toMatchObject({ role: null, permissions: [] });
});

test("nobody makes a key or token that is more than they are: permissions, end, networks, origins, calls", async () => {
  const tenant = await testTenant();
  const end = Math.floor(Date.now() / 1000) + 3600;
  const bounds = {
    permissions: ["keys:read", "keys:write", "limits:read"],
    valid_until: end,
    allowed_networks: ["192.0.2.0/24", "2001:db8::/32"],
    calls_per_hour: 100,
  };
  const { key } = await make(bearer(tenant.apiKey), bounds);
  const maker = { ...bearer(key), "cf-connecting-ip": "192.0.2.9" };
  const create = (body: Json) => ask("POST", "/api/v1/keys", maker, { name: "x", valid_until: end, ...body });
  const refused = async (body: Json) => {
    const { status, json } = await create(body);
    return [status, ...((json["errors"] as { path: string }[]) ?? []).map(({ path }) => path)];
  };
  expect(await refused({ permissions: ["instances:delete"] })).toEqual([403]);
  expect(await refused({ valid_until: null })).toEqual([400, "valid_until"]);
  for (const networks of [["0.0.0.0/0"], ["192.0.2.0/23"], ["192.0.2.0/25", "198.51.100.1"], ["::/0"]]) {
    expect(await refused({ allowed_networks: networks }), networks.join()).toEqual([400, "allowed_networks"]);
  }
  expect(await refused({ calls_per_hour: 101 })).toEqual([400, "calls_per_hour"]);
  // What is left out is the maker's.
  expect((await create({})).json).toMatchObject({
    allowed_networks: ["192.0.2.0/24", "2001:db8:0:0:0:0:0:0/32"],
    calls_per_hour: 100,
    permissions: bounds.permissions,
  });
  expect((await create({ allowed_networks: ["192.0.2.128/25"], calls_per_hour: 1 })).status).toBe(201);

  const reader = await somebody([tenant, "member"]);
  const post = (path: string, headers: Headers, body: Json = {}) => ask("POST", path, headers, { name: "x", ...body });
  expect(said(await post("/api/v1/keys", reader.headers))).toEqual([403, "forbidden"]);
  expect(said(await post("/api/v1/tokens", reader.headers, { permissions: ["keys:write"] }))).toEqual([
    403,
    "forbidden",
  ]);
  // API keys make no tokens: not those of nobody, and not those of a person.
  const admin = await somebody([tenant, "admin"]);
  const ofAdmin = await make(admin.headers, {});
  for (const which of [tenant.apiKey, ofAdmin.key]) {
    expect(said(await post("/api/v1/tokens", bearer(which)))).toEqual([403, "forbidden"]);
  }
});

test("who is above makes keys below: a reseller's person and key, and the platform owner for a reason; each as bound", async () => {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform });
  const client = await testTenant({ kind: "client", parent: reseller });
  const path = `/api/v1/keys?tenant_id=${client.id}`;
  const post = (headers: Headers, body: Json = {}) => ask("POST", path, headers, { name: "below", ...body });
  const operator = bearer(platform.apiKey);
  expect(said(await post(operator))).toEqual([403, "reason-required"]);
  const reason = { ...operator, "ebb-reason": "its first key" };
  const admin = await somebody([reseller, "admin"]);
  for (const [headers, person] of [
    [reason, null],
    [bearer(reseller.apiKey), null],
    [admin.headers, admin.id],
  ] as const) {
    const { status, json } = await post(headers);
    expect([status, json["person_id"]]).toEqual([201, person]);
    expect((await user(String(json["key"]))).json).toMatchObject({ tenant_id: client.id });
    const upwards = `/api/v1/instances?tenant_id=${reseller.id}`;
    expect(said(await ask("GET", upwards, bearer(String(json["key"]))))).toEqual([404, "not-found"]);
  }
  const end = Math.floor(Date.now() / 1000) + 600;
  const brief = await make(bearer(reseller.apiKey), { valid_until: end, calls_per_hour: 9 });
  expect(said(await post(bearer(brief.key)))).toEqual([400, "invalid-field"]);
  expect((await post(bearer(brief.key), { valid_until: end })).json).toMatchObject({ calls_per_hour: 9 });
  // Nobody makes one beside or above.
  expect(
    said(await ask("POST", `/api/v1/keys?tenant_id=${reseller.id}`, bearer(client.apiKey), { name: "x" })),
  ).toEqual([404, "not-found"]);
});

test("restrictions are read strictly, and hold before anything is done", async () => {
  const tenant = await testTenant();
  const of = bearer(tenant.apiKey);
  for (const [field, values] of Object.entries({
    allowed_networks: [
      ["192.0.2.1/24"],
      ["any"],
      [],
      Array.from({ length: 51 }, (_, n) => `10.0.0.${n}`),
      ["10.0.0.0/33"],
    ],
    allowed_origins: [
      ["http://a.example"],
      ["https://a.example/x"],
      ["https://*.example"],
      ["null"],
      ["https://u@a.example"],
      [],
    ],
    calls_per_hour: [0, -1, 1.5, 100_001, "10"],
  })) {
    for (const value of values) {
      const { status, json } = await ask("POST", "/api/v1/keys", of, { name: "x", [field]: value });
      expect([status, json["error"]], `${field} ${JSON.stringify(value)}`).toEqual([400, "invalid-field"]);
    }
  }
  const office = await make(of, { allowed_networks: ["192.0.2.0/24", "2001:db8::/32", "192.0.2.0/24"] });
  expect(office["allowed_networks"]).toEqual(["192.0.2.0/24", "2001:db8:0:0:0:0:0:0/32"]);
  const page = await make(of, { allowed_origins: ["https://App.example:443"] });
  expect(page["allowed_origins"]).toEqual(["https://app.example"]);
  const elsewhere = [403, "not-accepted-here"];
  // Cold and warm alike.
  for (let round = 0; round < 2; round++) {
    for (const [address, answer] of [
      ["192.0.2.77", [200, undefined]],
      ["::ffff:192.0.2.1", [200, undefined]],
      ["2001:db8:ffff::1", [200, undefined]],
      ["192.0.3.1", elsewhere],
      ["2001:db9::1", elsewhere],
      [null, elsewhere],
    ] as const) {
      const from = address === null ? {} : { "cf-connecting-ip": address };
      expect(said(await user(office.key, from)), String(address)).toEqual(answer);
    }
    for (const [origin, answer] of [
      ["https://app.example", [200, undefined]],
      ["https://app.example.evil.example", elsewhere],
      ["http://app.example", elsewhere],
      ["null", elsewhere],
      [null, elsewhere],
    ] as const) {
      expect(said(await user(page.key, origin === null ? {} : { origin })), String(origin)).toEqual(answer);
    }
  }
  expect(said(await ask("DELETE", `/api/v1/keys/${office.id}`, bearer(office.key)))).toEqual(elsewhere);
  expect((await rowOf(office.id))["revoked_at"]).toBeNull();
});

test("a key's own limit is counted exactly, beside the plan's, and through a look-up in the middle", async () => {
  const now = (Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS;
  vi.useFakeTimers({ toFake: ["Date"], now });
  const tenant = await testTenant();
  const { key } = await make(bearer(tenant.apiKey), { calls_per_hour: 3 });
  const first = await user(key);
  expect(first.headers.get("ratelimit")).toContain('"key-calls";r=2;t=3600');
  expect(first.headers.get("ratelimit-policy")).toContain('"key-calls";q=3;w=3600');
  vi.setSystemTime(now + 600_000);
  await tellKeysChanged(tenant);
  expect((await user(key)).headers.get("ratelimit")).toContain('"key-calls";r=1');
  const usage = await ask("GET", "/api/v1/usage", bearer(key));
  expect(usage.json["data"]).toContainEqual(
    expect.objectContaining({ policy: "key-calls", scope: "key", used: 3, limit: 3, remaining: 0 }),
  );
  expect(usage.json["data"]).toContainEqual(expect.objectContaining({ policy: "account-key", scope: "key", used: 2 }));
  for (const cold of [false, true]) {
    if (cold) await tellKeysChanged(tenant);
    const refused = await user(key);
    expect([refused.status, refused.json["violated-policies"], refused.headers.get("retry-after")]).toEqual([
      429,
      ["key-calls"],
      "3000",
    ]);
  }
  // Other keys are not held by it.
  expect((await user(tenant.apiKey)).status).toBe(200);
  vi.setSystemTime(now + HOUR_MS);
  expect((await user(key)).status).toBe(200);
  expect((await user(key)).status).toBe(429);
});

test("a key's first use from a country is an event, at once, also while the key is known; twenty are enough", async () => {
  const tenant = await testTenant();
  const { id, key } = await make(bearer(tenant.apiKey), {});
  const from = (country: string) => user(key, {}, { country });
  for (const country of ["DE", "DE", "FR", "DE", "XX", "FR"]) expect((await from(country)).status).toBe(200);
  const events = await eventsOf(tenant, "key-use");
  expect(events).toEqual(
    ["DE", "FR"].map((place) => ({
      event: "key-use",
      outcome: "succeeded",
      actor_kind: "api-key",
      actor_id: uuidFromId("credential", id),
      person_id: null,
      place,
    })),
  );
  expect(await statementsDuring(() => from("FR"))).toBe(0);
  await Promise.all(["IT", "IT", "IT"].map(from));
  expect((await rowOf(id))["places"]).toEqual(["DE", "FR", "IT"]);
  expect(await eventsOf(tenant, "key-use")).toHaveLength(3);
  await change(id, sql`places = array(select 'A' || chr(64 + n) from generate_series(1, 20) n)`);
  await tellKeysChanged(tenant);
  expect((await from("ES")).status).toBe(200);
  expect(await statementsDuring(() => from("PT"))).toBe(0);
  expect(await eventsOf(tenant, "key-use")).toHaveLength(3);
});

test("a rotated key is valid for the overlap and never longer than it was; its successor is no more than it", async () => {
  const tenant = await testTenant();
  const of = bearer(tenant.apiKey);
  const body = { permissions: ["keys:read", "keys:write"], calls_per_hour: 50, allowed_networks: ["0.0.0.0/0"] };
  const v4 = { "cf-connecting-ip": "192.0.2.1" };
  const former = await make(of, body);
  expect((await user(former.key, v4)).status).toBe(200);
  const rotate = (id: string, headers: Headers, overlap_s?: unknown) =>
    ask("POST", `/api/v1/keys/${id}/rotate`, headers, overlap_s === undefined ? {} : { overlap_s });
  for (const wrong of [-1, 30 * 86_400 + 1, 1.5, "1"]) expect((await rotate(former.id, of, wrong)).status).toBe(400);
  const { status, json } = await rotate(former.id, { ...bearer(former.key), ...v4 }, 3600);
  expect([status, json]).toEqual([
    201,
    expect.objectContaining({
      ...body,
      name: "made",
      person_id: null,
      valid_until: null,
      secret_withheld: false,
      effective: true,
    }),
  ]);
  const { former: ended, key, id } = json as unknown as Made & { former: { id: string; valid_until: number } };
  expect(ended.id).toBe(former.id);
  expect(Math.abs(ended.valid_until - Date.now() / 1000 - 3600)).toBeLessThan(30);
  expect([(await user(former.key, v4)).status, (await user(key, v4)).status]).toEqual([200, 200]);
  // Again, for longer: it ends when it would have, and so does what comes of it.
  const again = await rotate(former.id, of, 86_400);
  expect(again.json).toMatchObject({ former: { valid_until: ended.valid_until }, valid_until: ended.valid_until });
  // At once: the former, known to the gate, is refused by the next request.
  expect((await rotate(id, of)).status).toBe(201);
  expect(said(await user(key, v4))).toEqual([401, "key-expired"]);
  expect(said(await rotate(id, of))).toEqual([409, "conflict"]);
  await ask("DELETE", `/api/v1/keys/${former.id}`, of);
  expect(said(await rotate(former.id, of))).toEqual([409, "conflict"]);
  expect(await eventsOf(tenant, "key-rotated")).toEqual(
    Array.from({ length: 3 }, () => expect.objectContaining({ outcome: "succeeded", actor_kind: "api-key" })),
  );

  // Two at once without an overlap: one of them goes on.
  const raced = await make(of, body);
  const answers = await Promise.all([rotate(raced.id, of), rotate(raced.id, of), rotate(raced.id, of)]);
  expect(answers.map((answer) => answer.status).toSorted()).toEqual([201, 409, 409]);
});

test("nobody gains by rotating: not a weaker key, not one that ends, not one of somebody who was demoted", async () => {
  const tenant = await testTenant();
  const of = bearer(tenant.apiKey);
  const rotate = (id: string, headers: Headers) => ask("POST", `/api/v1/keys/${id}/rotate`, headers, { overlap_s: 60 });
  const strong = await make(of, { permissions: ["keys:write", "instances:delete"] });
  const weak = await make(of, { permissions: ["keys:write"] });
  const brief = await make(of, {
    permissions: ["keys:write", "instances:delete"],
    valid_until: Math.floor(Date.now() / 1000) + 600,
  });
  const bound = await make(of, { permissions: ["keys:write", "instances:delete"], calls_per_hour: 10 });
  for (const { key } of [weak, brief, bound]) {
    expect(said(await rotate(strong.id, bearer(key)))).toEqual([403, "forbidden"]);
  }
  expect((await rowOf(strong.id))["valid_until"]).toBeNull();
  // Its own is what it may do now, of whoever rotates it it is theirs, and else its person's.
  const admin = await somebody([tenant, "owner"]);
  const shrunk = await make(admin.headers, { permissions: ["keys:write", "owners:write"] });
  const rotated = await rotate(shrunk.id, of);
  expect(rotated.json).toMatchObject({ person_id: admin.id, permissions: ["keys:write", "owners:write"] });
  await becomes(admin, tenant, "admin");
  const own = await rotate(shrunk.id, bearer(shrunk.key));
  expect(own.json).toMatchObject({ person_id: admin.id, permissions: ["keys:write"] });
  expect(said(await rotate(String(rotated.json["id"]), bearer(String(own.json["key"]))))).toEqual([403, "forbidden"]);
  const other = await somebody([tenant, "admin"]);
  expect(said(await rotate(String(rotated.json["id"]), other.headers))).toEqual([403, "forbidden"]);
  expect((await rotate(weak.id, other.headers)).json).toMatchObject({ person_id: other.id });
});

test("another tenant's key, a token and an instance's secret are no keys to rotate or change: the same 404", async () => {
  const tenant = await testTenant();
  const of = bearer(tenant.apiKey);
  const other = await somebody([tenant, "admin"]);
  const rotate = (id: string, headers: Headers) => ask("POST", `/api/v1/keys/${id}/rotate`, headers, { overlap_s: 60 });
  const beside = await testTenant();
  const theirs = await make(bearer(beside.apiKey), {});
  const token = await make(other.headers, {}, "/api/v1/tokens");
  await register(tenant);
  const [secret] = await ownerRows<{ id: string }>(
    sql`select id from credentials where kind = 'client-secret' and tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  for (const id of [theirs.id, token.id, idFromUuid("credential", secret?.id ?? "")]) {
    expect(said(await rotate(id, of)), id).toEqual([404, "not-found"]);
    const patched = await ask("PATCH", `/api/v1/keys/${id}`, of, { name: "mine" });
    expect(said(patched), id).toEqual([404, "not-found"]);
    if (id !== token.id) expect(said(await ask("GET", `/api/v1/keys/${id}`, of))).toEqual([404, "not-found"]);
  }
});

test("a key is shown, renamed and narrowed, never widened, and only as it was seen", async () => {
  const tenant = await testTenant();
  const of = bearer(tenant.apiKey);
  const made = await make(of, {
    allowed_networks: ["192.0.2.0/24"],
    allowed_origins: ["https://a.example", "https://b.example"],
  });
  const path = `/api/v1/keys/${made.id}`;
  const shown = await ask("GET", path, of);
  expect(shown.json).toMatchObject({ kind: "api-key", name: "made", last_used_at: null, person_id: null });
  expect(JSON.stringify(shown.json)).not.toContain(made.key);
  const version = shown.headers.get("etag") as string;
  const patch = (body: Json, more: Headers = {}) => ask("PATCH", path, { ...of, ...more }, body);
  const renamed = await patch({ name: "renamed" }, { "if-match": version });
  expect([renamed.status, renamed.json["name"], renamed.headers.get("etag") === version]).toEqual([
    200,
    "renamed",
    false,
  ]);
  for (const stale of [version, `W/${renamed.headers.get("etag")}`, "x"]) {
    expect(said(await patch({ name: "lost" }, { "if-match": stale }))).toEqual([412, "precondition-failed"]);
  }
  for (const wider of [
    { allowed_networks: ["192.0.0.0/16"] },
    { allowed_networks: null },
    { allowed_origins: ["https://c.example"] },
    { allowed_origins: null },
  ]) {
    const { status, json } = await patch(wider);
    expect([status, json["errors"]], JSON.stringify(wider)).toEqual([
      400,
      [{ path: Object.keys(wider)[0], message: "can only be narrowed: make another key for more" }],
    ]);
  }
  const at = { "cf-connecting-ip": "192.0.2.9", origin: "https://a.example" };
  expect((await user(made.key, at)).status).toBe(200);
  const narrowed = await patch({ allowed_networks: ["192.0.2.128/25"], calls_per_hour: 10 });
  expect(narrowed.json).toMatchObject({ name: "renamed", allowed_networks: ["192.0.2.128/25"], calls_per_hour: 10 });
  // Known to the gate, and narrower from the next request on.
  expect(said(await user(made.key, at))).toEqual([403, "not-accepted-here"]);
  expect(said(await patch({ calls_per_hour: 11 }))).toEqual([400, "invalid-field"]);
  await ask("DELETE", path, of);
  expect(said(await patch({ name: "late" }))).toEqual([409, "conflict"]);
  const audit = await ownerRows(
    sql`select action from audit_entries where tenant_id = ${uuidFromId("tenant", tenant.id)} order by id`,
  );
  expect(audit.map(({ action }) => action)).toEqual(["key.created", "key.changed", "key.changed", "key.revoked"]);
});

test("a repeated request gets the same key or token without its secret, and says so; nothing stored holds one", async () => {
  const tenant = await testTenant();
  const person = await somebody([tenant, "admin"]);
  const secrets: string[] = [];
  for (const [path, field] of [
    ["/api/v1/keys", "key"],
    ["/api/v1/tokens", "token"],
    ["/api/v1/registration-keys", "key"],
  ] as const) {
    const headers = { ...person.headers, "idempotency-key": `once ${path}`.replace(" ", "-") };
    const first = await ask("POST", path, headers, { name: "once" });
    const second = await ask("POST", path, headers, { name: "once" });
    expect([first.status, second.status, second.headers.get("idempotency-replayed")]).toEqual([201, 201, "true"]);
    expect(second.json).toEqual({ ...first.json, [field]: null, secret_withheld: true });
    expect(first.json["secret_withheld"]).toBe(false);
    expect(said(await ask("POST", path, headers, { name: "twice" }))).toEqual([422, "idempotency-key-reused"]);
    secrets.push(String(first.json[field]));
  }
  const made = await make(person.headers, {});
  const again = { ...person.headers, "idempotency-key": "turn" };
  const turned = await ask("POST", `/api/v1/keys/${made.id}/rotate`, again, { overlap_s: 60 });
  const repeated = await ask("POST", `/api/v1/keys/${made.id}/rotate`, again, { overlap_s: 60 });
  expect(repeated.json).toEqual({ ...turned.json, key: null, secret_withheld: true });
  secrets.push(String(turned.json["key"]));
  const [stored] = await ownerRows<{ text: string }>(sql`
    select (select json_agg(r)::text from idempotency_records r where tenant_id = ${uuidFromId("tenant", tenant.id)})
        || (select json_agg(o)::text from outbox o where tenant_id = ${uuidFromId("tenant", tenant.id)})
        || (select json_agg(a)::text from audit_entries a where tenant_id = ${uuidFromId("tenant", tenant.id)}) as text`);
  for (const secret of secrets) expect(stored?.text).not.toContain(secret);
  expect(stored?.text).toContain("once");
});
