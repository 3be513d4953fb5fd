import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { call, ping, register, tokenOf } from "../src/testing/instance.ts";
import { personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

type Caller = Pick<TestTenant, "apiKey">;
type Body = Record<string, unknown>;
const bearer = ({ apiKey }: Caller) => ({ authorization: `Bearer ${apiKey}` });
async function answer(response: Response): Promise<[number, Body]> {
  const text = await response.text();
  return [response.status, text === "" ? {} : (JSON.parse(text) as Body)];
}
const get = async (caller: Caller, path: string) => answer(await call(path, { headers: bearer(caller) }));
const send = async (
  caller: Caller,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) =>
  answer(
    await call(path, {
      method,
      headers: { ...bearer(caller), "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
const post = (caller: Caller, path: string, body?: unknown) => send(caller, "POST", path, body);
const error = ([status, body]: [number, Body]) => [status, body["error"]];

/** The whole tree: a platform, two resellers with a client each, and a direct customer. */
async function family() {
  const platform = await testTenant({ kind: "platform" });
  const [reseller, other, direct] = [
    await testTenant({ kind: "reseller", parent: platform }),
    await testTenant({ kind: "reseller", parent: platform }),
    await testTenant({ kind: "direct", parent: platform, plan: "team" }),
  ];
  const client = await testTenant({ kind: "client", parent: reseller, plan: "team" });
  const beside = await testTenant({ kind: "client", parent: other, plan: "team" });
  return { platform, reseller, other, direct, client, beside };
}
const path = (tenant: { id: string }, rest = "") => `/api/v1/tenants/${tenant.id}${rest}`;

test("platform makes a reseller, which makes a client, whose gate knows it; nothing lies elsewhere", async () => {
  const { platform, reseller, direct, client } = await family();
  const [status, made] = await post(platform, "/api/v1/tenants", { kind: "reseller", name: "R", plan: "enterprise" });
  expect([status, made]).toEqual([201, expect.objectContaining({ kind: "reseller", parent_id: platform.id })]);
  const below = `/api/v1/tenants?tenant_id=${made["id"]}`;
  const [, third] = await post(platform, below, { kind: "client", name: "C", plan: "team" });
  expect(third).toMatchObject({ kind: "client", parent_id: made["id"], status: "active" });
  const delivered = await ownerRows(
    sql`select message->>'plan' as plan, jsonb_array_length(message->'ancestors') as above, delivered_at is not null as taken
          from outbox where tenant_id = ${uuidFromId("tenant", String(third["id"]))}`,
  );
  expect(delivered).toEqual([{ plan: "team", above: 1, taken: true }]);
  // A fourth level, a reseller below a reseller, anything below a customer: each parent with each kind.
  const outcomes: Body = {};
  for (const [name, parent] of Object.entries({ platform, reseller, direct, client })) {
    for (const kind of ["reseller", "direct", "client"]) {
      outcomes[`${name} ${kind}`] = (await post(parent, "/api/v1/tenants", { kind, name: "x" }))[0];
    }
  }
  expect(
    Object.entries(outcomes)
      .filter(([, code]) => code === 201)
      .map(([name]) => name),
  ).toEqual(["platform reseller", "platform direct", "reseller client"]);
  expect(Object.values(outcomes).filter((code) => code !== 201)).toEqual(Array(9).fill(409));
});

test("a reseller's client has at most its plan, and its clients together at most what it has", async () => {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform, plan: "team" });
  const make = (plan: string) => post(reseller, "/api/v1/tenants", { kind: "client", name: "x", plan });
  expect(error(await make("enterprise"))).toEqual([409, "plan-not-sufficient"]);
  const [status, first] = await make("team");
  expect(status).toBe(201);
  expect(error(await make("team"))).toEqual([409, "allotments-exceed-total"]);
  const below = `/api/v1/tenants/${first["id"]}/subscription`;
  expect(error(await send(reseller, "PUT", below, { plan: "enterprise" }))).toEqual([409, "plan-not-sufficient"]);
  expect((await send(reseller, "PUT", below, { plan: "free" }))[0]).toBe(200);
  expect((await make("free"))[0]).toBe(201);
  // The reseller itself cannot fall below its clients, nor choose its own plan.
  await send(reseller, "PUT", below, { plan: "free" });
  expect(error(await send(reseller, "PUT", path(reseller, "/subscription"), { plan: "free" }))).toEqual([
    403,
    "forbidden",
  ]);
  expect(error(await send(reseller, "DELETE", path(reseller, "/subscription")))).toEqual([403, "forbidden"]);
});

test("a change of plan is one subscription after another, ends windows that it does not allow, and can be taken back", async () => {
  const { platform, direct } = await family();
  const subscription = path(direct, "/subscription");
  const windows = path(direct, "/retention/windows");
  expect((await send(platform, "PUT", subscription, { plan: "enterprise" }))[0]).toBe(200);
  const own = sql`insert into retention_windows (id, tenant_id, retention_class, months, set_at, effective_at)
    values (gen_random_uuid(), ${uuidFromId("tenant", direct.id)}, 'tool-execution-logs', 24, now(), now())`;
  await ownerRows(own);
  expect((await send(platform, "PUT", subscription, { plan: "free" }))[0]).toBe(200);
  const rows = await ownerRows(
    sql`select months, superseded_at is not null as ended from retention_windows
         where tenant_id = ${uuidFromId("tenant", direct.id)} order by set_at, id`,
  );
  expect(rows).toEqual([
    { months: 24, ended: true },
    { months: 12, ended: false },
  ]);
  const [, list] = await get(direct, subscription);
  expect((list["data"] as Body[]).map((item) => [item["plan"], item["status"], item["ended_at"] === null])).toEqual([
    ["team", "ended", false],
    ["enterprise", "ended", false],
    ["free", "active", true],
  ]);
  const ended = async () =>
    await ownerRows<{ ended: boolean }>(
      sql`select subscription_ended_at is not null as ended from tenants where id = ${uuidFromId("tenant", direct.id)}`,
    );
  expect(await ended()).toEqual([{ ended: false }]);
  expect((await send(platform, "DELETE", subscription))[0]).toBe(200);
  expect(await ended()).toEqual([{ ended: true }]);
  expect((await send(platform, "PUT", subscription, { plan: "team" }))[0]).toBe(200);
  expect(await ended()).toEqual([{ ended: false }]);
  expect(windows).toContain(direct.id);
});

test("what is suspended gets 200 for its pings, which are not kept, and 403 for all else, also below it", async () => {
  const { platform, reseller, client, beside } = await family();
  const token = await tokenOf(await register(client));
  expect(error(await post(reseller, path(reseller, "/suspend")))).toEqual([403, "forbidden"]);
  expect(await post(platform, path(reseller, "/suspend"))).toEqual([
    200,
    { object: "tenant", id: reseller.id, effective: true },
  ]);
  expect((await post(platform, path(reseller, "/suspend")))[0]).toBe(200);
  for (const [caller, tenant] of [
    [reseller, reseller],
    [client, client],
  ] as const) {
    expect(error(await get(caller, path(tenant)))).toEqual([403, "tenant-suspended"]);
  }
  expect((await get(beside, path(beside)))[0]).toBe(200);
  expect((await get(platform, path(client)))[1]).toMatchObject({ status: "active" });
  expect((await post(platform, path(reseller, "/resume")))[0]).toBe(200);
  expect((await get(reseller, path(client)))[0]).toBe(200);
  // A gate below one that is suspended hears of it within a minute (workers/suspension.test.ts); its own at once.
  expect((await post(reseller, path(client, "/suspend")))[0]).toBe(200);
  const pinged = await ping(token);
  expect([pinged.status, await pinged.json()]).toEqual([200, expect.objectContaining({ collect: false })]);
  expect(await ownerRows(sql`select from pings where tenant_id = ${uuidFromId("tenant", client.id)}`)).toEqual([]);
});

test("who closes is closed with all below, reopened from above within the 30 days, and what was closed before stays so", async () => {
  const { platform, reseller, client } = await family();
  expect((await post(client, path(client, "/close")))[0]).toBe(200);
  expect((await post(reseller, path(reseller, "/close")))[0]).toBe(200);
  expect([403]).toContain((await get(reseller, path(reseller)))[0]);
  expect((await get(platform, path(reseller)))[1]).toMatchObject({ status: "closed", closed_at: expect.any(Number) });
  expect(error(await post(platform, path(client, "/reopen")))).toEqual([409, "conflict"]);
  // Nothing else can be done with what is closed.
  for (const [method, rest, body] of [
    ["PATCH", "", { name: "x" }],
    ["POST", "/suspend", undefined],
    ["POST", "/move", { parent_id: platform.id }],
    ["PUT", "/subscription", { plan: "free" }],
    ["PUT", "/brand", { name: "x" }],
  ] as const) {
    expect([rest, ...error(await send(platform, method, path(reseller, rest), body))]).toEqual([rest, 409, "conflict"]);
  }
  expect(
    error(await post(platform, `/api/v1/tenants?tenant_id=${reseller.id}`, { kind: "client", name: "x" })),
  ).toEqual([409, "conflict"]);
  expect((await post(platform, path(reseller, "/reopen")))[0]).toBe(200);
  expect((await get(reseller, path(reseller)))[0]).toBe(200);
  expect((await get(reseller, path(client)))[1]).toMatchObject({ status: "closed" });
  expect(error(await post(platform, path(platform, "/close")))).toEqual([404, "not-found"]);
});

test("its owner in person undoes a closing; nobody else of it is let in, and nothing else is done", async () => {
  const { direct } = await family();
  const [boss, admin] = [await personIn(direct, "owner"), await personIn(direct, "admin")];
  const as = async (person: TestPerson, method: string, rest: string, body?: unknown) =>
    await answer(
      await call(path(direct, rest), {
        method,
        headers: { ...(await sessionHeaders(person, method)), "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  expect(error(await as(admin, "POST", "/close"))).toEqual([403, "forbidden"]);
  expect((await as(boss, "POST", "/close"))[0]).toBe(200);
  expect((await as(boss, "GET", ""))[1]).toMatchObject({ status: "closed" });
  expect(error(await as(boss, "PATCH", "", { name: "x" }))).toEqual([403, "tenant-closed"]);
  expect(error(await as(admin, "GET", ""))).toEqual([403, "tenant-closed"]);
  expect(error(await as(admin, "POST", "/reopen"))).toEqual([403, "tenant-closed"]);
  expect((await get(direct, path(direct)))[0]).toBe(403);
  expect((await as(boss, "POST", "/reopen"))[0]).toBe(200);
  expect((await as(admin, "GET", ""))[1]).toMatchObject({ status: "active", closed_at: null });
  expect((await get(direct, path(direct)))[0]).toBe(200);
});

test("a client moves to another reseller: the former one sees it no more, and its keys there end", async () => {
  const { platform, reseller, other, client, direct, beside } = await family();
  const [, foreign] = await post(reseller, `/api/v1/keys?tenant_id=${client.id}`, { name: "reseller's" });
  const theirs = { apiKey: String(foreign["key"]) };
  expect((await get(theirs, path(client)))[0]).toBe(200);
  expect((await send(reseller, "PUT", path(client, "/limits/account-tenant"), { at_most: 20 }))[0]).toBeLessThan(500);
  expect(error(await post(reseller, path(client, "/move"), { parent_id: other.id }))).toEqual([403, "forbidden"]);
  expect(error(await post(reseller, path(client, "/move"), { parent_id: reseller.id }))).toEqual([403, "forbidden"]);
  expect((await post(platform, path(client, "/move"), { parent_id: other.id }))[0]).toBe(200);
  expect(error(await get(reseller, path(client)))).toEqual([404, "not-found"]);
  expect((await get(other, path(client)))[1]).toMatchObject({ parent_id: other.id });
  expect(error(await get(theirs, path(client)))).toEqual([401, "key-revoked"]);
  // Its own keys live on, and say nothing of who is above.
  expect((await get(client, path(client)))[1]).toMatchObject({ parent_id: null, kind: "client" });
  expect(
    await ownerRows(
      sql`select from limit_allotments where client_id = ${uuidFromId("tenant", client.id)} and removed_at is null`,
    ),
  ).toEqual([]);
  expect((await post(platform, path(client, "/move"), { parent_id: platform.id }))[0]).toBe(200);
  expect((await get(client, path(client)))[1]).toMatchObject({ kind: "direct", controller: null });
  // No cycle, no fourth level, nothing below a customer, nobody else's tree, nobody of nothing.
  const unknown = { id: newId("tenant", Date.now()) };
  for (const [moved, parent, code] of [
    [reseller, other, 409],
    [reseller, reseller, 409],
    [reseller, client, 409],
    [beside, direct, 409],
    [beside, beside, 409],
    [beside, unknown, 404],
    [await testTenant(), other, 404],
  ] as const) {
    expect((await post(platform, path(moved, "/move"), { parent_id: parent.id }))[0]).toBe(code);
  }
});

test("two moves, two suspensions and two plans at once end in one state, and the tree stays a tree", async () => {
  const { platform, other, reseller, client } = await family();
  const codes = await Promise.all([
    post(platform, path(client, "/move"), { parent_id: other.id }),
    post(platform, path(client, "/move"), { parent_id: platform.id }),
    post(platform, path(reseller, "/suspend")),
    post(platform, path(reseller, "/suspend")),
    send(platform, "PUT", path(client, "/subscription"), { plan: "free" }),
    send(platform, "PUT", path(client, "/subscription"), { plan: "team" }),
  ]);
  for (const [code] of codes) expect([200, 409, 503]).toContain(code);
  const running = await ownerRows(
    sql`select count(*)::int as n from subscriptions where tenant_id = ${uuidFromId("tenant", client.id)} and status = 'active'`,
  );
  expect(running).toEqual([{ n: 1 }]);
  const broken = await ownerRows(
    sql`select c.id from tenants c join tenants p on p.id = c.parent_id where c.path <> p.path || c.id`,
  );
  expect(broken).toEqual([]);
});

test("a new tenant's first owner is invited with it, by whoever makes it, and by nobody who may not", async () => {
  const { platform } = await family();
  const wanted = { kind: "direct", name: "Fresh", owner_email: "Grace@Fresh.example" };
  const [status, made] = await post(platform, "/api/v1/tenants", wanted);
  expect(status).toBe(201);
  const id = uuidFromId("tenant", String(made["id"]));
  const [invited] = await ownerRows(
    sql`select i.email, i.role, i.invited_by, m.recipient, m.parameters->>'tenant_name' as name
          from invitations i join mail_outbox m on m.tenant_id = i.tenant_id where i.tenant_id = ${id}`,
  );
  expect(invited).toEqual({
    email: "grace@fresh.example",
    role: "owner",
    invited_by: null,
    recipient: "grace@fresh.example",
    name: "Fresh",
  });
  expect((await post(platform, "/api/v1/tenants", { ...wanted, owner_email: "nobody" }))[0]).toBe(400);
  // An operator invites nobody later, for whatever reason.
  const later = { email: "mole@ebb.example", role: "owner" };
  const headers = { "ebb-reason": "curious" };
  const path = `/api/v1/invitations?tenant_id=${made["id"]}`;
  expect(error(await send(platform, "POST", path, later, headers))).toEqual([403, "forbidden"]);
});

test("renaming takes the ETag of what was seen, and refuses what somebody else has changed", async () => {
  const { direct } = await family();
  const response = await call(path(direct), { headers: bearer(direct) });
  const etag = response.headers.get("etag") as string;
  expect(etag).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
  const rename = (name: string, tag: string) => send(direct, "PATCH", path(direct), { name }, { "if-match": tag });
  for (const stale of ['"x"', `W/${etag}`, etag.slice(1, -1)]) {
    expect(error(await rename("stale", stale))).toEqual([412, "precondition-failed"]);
  }
  const both = await Promise.all([rename("first", etag), rename("second", etag)]);
  expect(both.map(([status]) => status).toSorted()).toEqual([200, 412]);
  const [, now] = await get(direct, path(direct));
  expect(now["name"]).toBe(both.find(([status]) => status === 200)?.[1]["name"]);
  expect((await rename("any", "*"))[0]).toBe(200);
  expect((await send(direct, "PATCH", path(direct), { name: "without" }))[0]).toBe(200);
});

test("a reseller's brand shows to its clients as their controller, and to nobody else", async () => {
  const { platform, reseller, client, beside, direct } = await family();
  const brand = {
    name: "Northwind",
    logo_url: "https://n.example/l.svg",
    contact: "a@n.example",
    privacy_contact: "p@n.example",
  };
  expect((await get(client, path(client)))[1]["controller"]).toMatchObject({ name: "Test", contact: null });
  expect(await send(reseller, "PUT", path(reseller, "/brand"), brand)).toEqual([200, brand]);
  expect((await get(client, path(client)))[1]["controller"]).toEqual(brand);
  expect((await get(platform, path(client)))[1]["controller"]).toEqual(brand);
  expect((await get(beside, path(beside)))[1]["controller"]).toMatchObject({ name: "Test" });
  expect((await get(direct, path(direct)))[1]["controller"]).toBeNull();
  for (const who of [direct, client]) {
    expect(error(await send(who, "PUT", path(who, "/brand"), brand))).toEqual([409, "conflict"]);
  }
  for (const logo_url of [
    "http://n.example/l",
    "https://u:p@n.example/l",
    "javascript:alert(1)",
    "https://n.example",
  ]) {
    expect((await send(reseller, "PUT", path(reseller, "/brand"), { name: "x", logo_url }))[0]).toBe(400);
  }
  expect((await send(reseller, "DELETE", path(reseller, "/brand")))[0]).toBe(204);
  expect((await get(client, path(client)))[1]["controller"]).toMatchObject({ name: "Test", contact: null });
  expect((await get(reseller, path(reseller, "/brand")))[0]).toBe(404);
});

test("the same Idempotency-Key makes one tenant; another body, another caller or a second at once is told so", async () => {
  const { platform, reseller } = await family();
  const make = (caller: Caller, name: string, key: string) =>
    send(caller, "POST", "/api/v1/tenants", { kind: "client", name, plan: "free" }, { "idempotency-key": key });
  const [status, first] = await make(reseller, "one", "k1");
  expect(status).toBe(201);
  const again = await call("/api/v1/tenants", {
    method: "POST",
    headers: { ...bearer(reseller), "content-type": "application/json", "idempotency-key": '"k1"' },
    body: JSON.stringify({ plan: "free", name: "one", kind: "client" }),
  });
  expect([again.status, again.headers.get("idempotency-replayed"), await again.json()]).toEqual([201, "true", first]);
  expect(error(await make(reseller, "two", "k1"))).toEqual([422, "idempotency-key-reused"]);
  expect(error(await post(reseller, path({ id: String(first["id"]) }, "/suspend")))[0]).toBe(200);
  // Another caller's key is another key, whatever it is called.
  expect((await make(platform, "one", "k1"))[0]).toBe(409);
  const racing = await Promise.all(Array.from({ length: 4 }, () => make(reseller, "racer", "k2")));
  const made = racing.filter(([code]) => code === 201).map(([, body]) => body["id"]);
  expect(new Set(made).size).toBe(1);
  for (const outcome of racing) if (outcome[0] !== 201) expect(error(outcome)).toEqual([409, "idempotency-key-in-use"]);
  for (const bad of ["", " ", "a b", "ä".repeat(3), "x".repeat(256)]) {
    const refused = await make(reseller, "bad", bad).catch(() => [400] as const);
    expect(refused[0]).toBe(400);
  }
  const [, list] = await get(reseller, "/api/v1/tenants?limit=200");
  expect((list["data"] as Body[]).filter((item) => item["name"] === "racer")).toHaveLength(1);
});

test("ids of others, of nothing and of what is no tenant are one and the same 404, in every position", async () => {
  const { reseller, client, beside, platform, direct } = await family();
  const nobody = { id: newId("tenant", Date.now()) };
  const bodyOf = async (caller: Caller, target: { id: string }, method: string, rest: string, body?: unknown) => {
    const [status, answered] = await send(caller, method, path(target, rest), body);
    return [status, { ...answered, request_id: null }];
  };
  for (const [method, rest, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { name: "x" }],
    ["POST", "/suspend", undefined],
    ["POST", "/close", undefined],
    ["POST", "/move", { parent_id: client.id }],
    ["PUT", "/subscription", { plan: "free" }],
    ["PUT", "/brand", { name: "x" }],
  ] as const) {
    const nothing = await bodyOf(client, nobody, method, rest, body);
    expect(nothing[0]).toBe(404);
    for (const foreign of [reseller, beside, platform, direct]) {
      expect(await bodyOf(client, foreign, method, rest, body)).toEqual(nothing);
    }
  }
  const query = (id: string) => send(client, "POST", `/api/v1/tenants?tenant_id=${id}`, { kind: "client", name: "x" });
  expect((await query(reseller.id))[0]).toBe(404);
  const cursor = await get(client, `/api/v1/tenants?cursor=${reseller.id as Id<"tenant">}`);
  expect((cursor[1]["data"] as Body[]).every((item) => item["id"] === client.id)).toBe(true);
});

test("the platform needs no reason to administer, and registers nothing in passing", async () => {
  const { platform, direct } = await family();
  expect((await get(platform, path(direct)))[0]).toBe(200);
  const data = `/api/v1/instances?tenant_id=${direct.id}`;
  expect(error(await get(platform, data))).toEqual([403, "reason-required"]);
  const opened = await call(data, { headers: { ...bearer(platform), "ebb-reason": "ticket 4711" } });
  expect(opened.status).toBe(200);
  const trail = await ownerRows<{ detail: string }>(
    sql`select detail from audit_entries where tenant_id = ${uuidFromId("tenant", direct.id)} and action = 'tenant.opened'`,
  );
  expect(trail.map(({ detail }) => JSON.parse(detail))).toEqual([{ reason: "ticket 4711" }]);
  for (const bad of ["x".repeat(201), "café\u0001"]) {
    const refused = await call(data, { headers: { ...bearer(platform), "ebb-reason": encodeURI(bad).slice(0, 300) } });
    expect([200, 400]).toContain(refused.status);
  }
});
