import { sql } from "drizzle-orm";
import { afterAll, expect, test } from "vitest";
import { type Id, idFromUuid, newId, uuidFromId } from "../src/core/id.ts";
import type { Role } from "../src/core/permission.ts";
import { workspaces } from "../src/db/schema.ts";
import { call, manyInstances, postForm, register } from "../src/testing/instance.ts";
import { personIn, sessionHeaders } from "../src/testing/people.ts";
import { signInOn } from "../src/testing/sign-ins.ts";
import { owner, ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** Instances over REST: seen, renamed, moved, revoked and removed; and the sign-ins on them. */

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

async function ask(tenant: TestTenant, method: string, path: string, body?: unknown, headers = {}) {
  const response = await call(path, {
    method,
    headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, etag: response.headers.get("etag") ?? "", body: await response.json<Body>() };
}

async function oneInstance(tenant: TestTenant): Promise<Id<"instance">> {
  const [id] = await manyInstances(tenant, 1);
  return id as Id<"instance">;
}

async function workspaceOf(tenant: TestTenant, more: Partial<typeof workspaces.$inferInsert> = {}) {
  const id = newId("workspace", Date.now());
  const values = { id, tenantId: tenant.id, name: "Second", generation: 0, createdAt: Date.now(), ...more };
  await owner((db) => db.insert(workspaces).values(values));
  return id;
}

/** Messages of this kind to the tenant's gate, in order. */
async function posted(tenant: TestTenant, kind: string) {
  const rows = await ownerRows<{ message: Record<string, unknown> }>(
    sql`select message from outbox where gate_id = ${tenant.gateId} and message->>'kind' = ${kind} order by id`,
  );
  return rows.map(({ message }) => message);
}

/** What of a sign-in has ended. */
async function endsOf(family: Id<"tokenFamily">) {
  const uuid = uuidFromId("tokenFamily", family);
  const [row] = await ownerRows<{ family: boolean; tokens: boolean }>(sql`
    select f.ended_at is not null as family, bool_and(r.revoked_at is not null) as tokens
      from token_families f join refresh_tokens r on r.family_id = f.id where f.id = ${uuid} group by 1`);
  return row;
}
const ENDED = { family: true, tokens: true };
const LIVE = { family: false, tokens: false };

const generations = (tenant: TestTenant) =>
  ownerRows<{ id: string; generation: number }>(
    sql`select id, generation from workspaces where tenant_id = ${uuidFromId("tenant", tenant.id)} order by id`,
  );

test("an instance is shown with how it came, and listed by workspace and by registration key", async () => {
  const tenant = await tenantOf();
  await register(tenant);
  const [plain, other] = [await oneInstance(tenant), await oneInstance(tenant)];
  const second = await workspaceOf(tenant);
  await ownerRows(
    sql`update instances set workspace_id = ${uuidFromId("workspace", second)} where id = ${uuidFromId("instance", other)}`,
  );
  const [key] = await ownerRows<{ id: string }>(
    sql`select id from registration_keys where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  const keyId = idFromUuid("registrationKey", key?.id ?? "");
  const ids = async (query: string) =>
    (await ask(tenant, "GET", `/api/v1/instances${query}`)).body.data.map(({ id }) => id);
  const all = await ids("");
  expect(all).toHaveLength(3);
  const [registered] = await ids(`?registration_key_id=${keyId}`);
  expect(all.filter((id) => id !== plain && id !== other)).toEqual([registered]);
  expect(await ids(`?workspace_id=${second}`)).toEqual([other]);
  expect(await ids(`?workspace_id=${second}&registration_key_id=${keyId}`)).toEqual([]);
  expect(await ids(`?workspace_id=${newId("workspace", 0)}`)).toEqual([]);
  expect((await ask(tenant, "GET", `/api/v1/instances/${registered}`)).body).toEqual({
    object: "instance",
    id: registered,
    workspace_id: tenant.workspaceId,
    name: null,
    client_id: expect.stringMatching(/^ebbc_/),
    scope: "profile:read",
    grant_types: ["client_credentials"],
    registration_key_id: keyId,
    registered_at: expect.closeTo(Date.now() / 1000, -2),
    claimed_at: null,
    revoked_at: null,
  });
  expect((await ask(tenant, "GET", `/api/v1/instances/${plain}`)).body).toMatchObject({ registration_key_id: null });
});

test("renaming takes If-Match, changes nothing else and raises no generation", async () => {
  const tenant = await tenantOf();
  const id = await oneInstance(tenant);
  await signInOn(tenant, id, (await personIn(tenant, "member")).id);
  const path = `/api/v1/instances/${id}`;
  const seen = await ask(tenant, "GET", path);
  const renamed = await ask(tenant, "PATCH", path, { name: "lab 7" }, { "if-match": seen.etag });
  expect(renamed).toMatchObject({ status: 200, body: { ...seen.body, name: "lab 7" } });
  expect((await ask(tenant, "GET", path)).etag).toBe(renamed.etag);
  const stale = await ask(tenant, "PATCH", path, { name: "lab 8" }, { "if-match": seen.etag });
  expect([stale.status, stale.body.error]).toEqual([412, "precondition-failed"]);
  for (const name of ["", "x".repeat(101), "a\u0000b", null]) {
    expect((await ask(tenant, "PATCH", path, { name })).status).toBe(400);
  }
  expect((await ask(tenant, "PATCH", path, {})).body["name"]).toBe("lab 7");
  // Where it is already it does not move.
  expect((await ask(tenant, "PATCH", path, { workspace_id: tenant.workspaceId })).status).toBe(200);
  expect([await posted(tenant, "generation"), await generations(tenant)]).toEqual([
    [],
    [expect.objectContaining({ generation: 0 })],
  ]);
});

test("moving raises the generation for exactly the people signed in on it, in all workspaces alike", async () => {
  const tenant = await tenantOf();
  const second = await workspaceOf(tenant, { generation: 7 });
  const [moving, staying] = [await oneInstance(tenant), await oneInstance(tenant)];
  const [ada, grace, gone, elsewhere] = await Promise.all(Array.from({ length: 4 }, () => personIn(tenant, "member")));
  await signInOn(tenant, moving, (ada as { id: Id<"person"> }).id);
  await signInOn(tenant, moving, (ada as { id: Id<"person"> }).id);
  await signInOn(tenant, moving, (grace as { id: Id<"person"> }).id);
  await signInOn(tenant, moving, (gone as { id: Id<"person"> }).id, { endedAt: Date.now() });
  await signInOn(tenant, staying, (elsewhere as { id: Id<"person"> }).id);
  const moved = await ask(tenant, "PATCH", `/api/v1/instances/${moving}`, { workspace_id: second, name: "moved" });
  expect(moved).toMatchObject({ status: DONE, body: { workspace_id: second, name: "moved" } });
  expect((await generations(tenant)).map(({ generation }) => generation)).toEqual([8, 8]);
  const messages = await posted(tenant, "generation");
  expect(messages.map(({ personId }) => personId).toSorted()).toEqual([ada?.id, grace?.id].toSorted());
  const soonest = Date.now() + (7 * 24 * 60 + 9) * 60_000;
  for (const message of messages) {
    expect(message).toEqual({
      kind: "generation",
      personId: expect.any(String),
      generation: 8,
      untilMs: expect.toSatisfy((until) => Number(until) > soonest && Number(until) < soonest + 120_000),
    });
  }
  // An empty one moves without anybody noticing.
  await ask(tenant, "PATCH", `/api/v1/instances/${await oneInstance(tenant)}`, { workspace_id: second });
  expect(await posted(tenant, "generation")).toHaveLength(2);
});

test("an instance moves into no workspace of another tenant and into none that was removed", async () => {
  const [tenant, beside] = [await tenantOf(), await tenantOf()];
  const id = await oneInstance(tenant);
  const removed = await workspaceOf(tenant, { removedAt: Date.now() });
  for (const workspace of [beside.workspaceId, removed, newId("workspace", Date.now())]) {
    const answer = await ask(tenant, "PATCH", `/api/v1/instances/${id}`, { workspace_id: workspace, name: "x" });
    expect([answer.status, answer.body.error]).toEqual([404, "not-found"]);
  }
  expect((await ask(tenant, "GET", `/api/v1/instances/${id}`)).body).toMatchObject({
    workspace_id: tenant.workspaceId,
    name: null,
  });
});

test("revoking ends the secret, the tokens and the sign-ins for good; it stays listed, and again changes nothing", async () => {
  const tenant = await tenantOf();
  const client = await register(tenant);
  const id = (await ask(tenant, "GET", "/api/v1/instances")).body.data[0]?.["id"] as Id<"instance">;
  const person = await personIn(tenant, "member");
  const [one, other] = [await signInOn(tenant, id, person.id), await signInOn(tenant, id, person.id)];
  const beside = await signInOn(tenant, await oneInstance(tenant), person.id);
  const path = `/api/v1/instances/${id}`;
  const first = await ask(tenant, "POST", `${path}/revoke`);
  expect(first).toMatchObject({ status: DONE, body: { object: "instance", id, revoked: true } });
  const shown = (await ask(tenant, "GET", path)).body;
  expect(shown["revoked_at"]).toEqual(expect.closeTo(Date.now() / 1000, -2));
  expect(await posted(tenant, "client-revoked")).toEqual([
    { kind: "client-revoked", instanceId: id, clientId: client.client_id, revokedAtMs: expect.any(Number) },
  ]);
  expect([await endsOf(one), await endsOf(other), await endsOf(beside)]).toEqual([ENDED, ENDED, LIVE]);
  const secrets = await ownerRows<{ revoked: boolean }>(
    sql`select revoked_at is not null as revoked from credentials where instance_id = ${uuidFromId("instance", id)}`,
  );
  expect(secrets).toEqual([{ revoked: true }]);
  // Nothing is written twice, and the instance goes on being seen as it is.
  expect((await ask(tenant, "POST", `${path}/revoke`)).status).toEqual(DONE);
  expect(await posted(tenant, "client-revoked")).toHaveLength(1);
  expect((await ask(tenant, "GET", path)).body).toEqual(shown);
  const audit = await ownerRows<{ changed: string }>(sql`
    select detail::jsonb->>'changed' as changed from audit_entries where subject = ${id} and action = 'instance.revoked' order by id`);
  expect(audit).toEqual([{ changed: "true" }, { changed: "false" }]);
});

test("removing ends the sign-ins too, also of a revoked one, and a second time there is nothing", async () => {
  const tenant = await tenantOf();
  const client = await register(tenant);
  const id = (await ask(tenant, "GET", "/api/v1/instances")).body.data[0]?.["id"] as Id<"instance">;
  const family = await signInOn(tenant, id, (await personIn(tenant, "member")).id);
  await ask(tenant, "POST", `/api/v1/instances/${id}/revoke`);
  expect((await ask(tenant, "DELETE", `/api/v1/instances/${id}`)).status).toEqual(DONE);
  expect(await endsOf(family)).toEqual(ENDED);
  expect(await posted(tenant, "instance-removed")).toEqual([
    { kind: "instance-removed", instanceId: id, clientId: client.client_id, removedAtMs: expect.any(Number) },
  ]);
  for (const [method, path] of [
    ["GET", ""],
    ["DELETE", ""],
    ["POST", "/revoke"],
    ["PATCH", ""],
    ["GET", "/sign-ins"],
    ["DELETE", `/sign-ins/${family}`],
  ] as const) {
    const body = method === "PATCH" ? { name: "x" } : undefined;
    expect([path, (await ask(tenant, method, `/api/v1/instances/${id}${path}`, body)).status]).toEqual([path, 404]);
  }
  const token = await postForm("/oauth2/token", { grant_type: "client_credentials", ...client });
  expect(token.status).toBe(401);
});

test("sign-ins are listed with who, what and when; one is ended, its refresh tokens with it", async () => {
  const tenant = await tenantOf();
  const id = await oneInstance(tenant);
  const [ada, grace] = [await personIn(tenant, "member"), await personIn(tenant, "member")];
  const [one, other] = [
    await signInOn(tenant, id, ada.id),
    await signInOn(tenant, id, grace.id, { scope: "profile:read" }),
  ];
  await signInOn(tenant, id, ada.id, { endedAt: Date.now() });
  await signInOn(tenant, id, ada.id, { renewedAt: Date.now() - 91 * 86_400_000 });
  const elsewhere = await signInOn(tenant, await oneInstance(tenant), ada.id);
  const path = `/api/v1/instances/${id}/sign-ins`;
  const listed = async (query = "") => (await ask(tenant, "GET", path + query)).body;
  const at = expect.closeTo(Date.now() / 1000, -2);
  const shown = { object: "sign_in", started_at: at, renewed_at: at };
  expect(await listed()).toEqual({
    object: "list",
    data: [
      { ...shown, id: one, person_id: ada.id, scope: "profile:read offline" },
      { ...shown, id: other, person_id: grace.id, scope: "profile:read" },
    ],
    next_cursor: null,
  });
  const page = await listed("?limit=1");
  expect([page.data[0]?.["id"], (await listed(`?cursor=${page["next_cursor"]}`)).data.map((row) => row["id"])]).toEqual(
    [one, [other]],
  );
  // By the path of another instance, and one that has ended: nothing there.
  expect((await ask(tenant, "DELETE", `${path}/${elsewhere}`)).status).toBe(404);
  expect(await ask(tenant, "DELETE", `${path}/${one}`)).toMatchObject({
    status: 200,
    body: { object: "sign_in", id: one, deleted: true, effective: true },
  });
  expect((await ask(tenant, "DELETE", `${path}/${one}`)).status).toBe(404);
  expect([await endsOf(one), await endsOf(other), await endsOf(elsewhere)]).toEqual([ENDED, LIVE, LIVE]);
  expect((await listed()).data.map((row) => row["id"])).toEqual([other]);
  const [message, ...more] = await posted(tenant, "revoked");
  const until = Date.now() + (7 * 24 * 60 + 10) * 60_000;
  expect([message, more]).toEqual([
    {
      kind: "revoked",
      subject: { kind: "session", id: one },
      reason: "sign-in-ended",
      issuedBeforeMs: null,
      untilMs: expect.closeTo(until, -5),
    },
    [],
  ]);
});

test("a sign-in is not listed once the token that approved it has ended or is bound elsewhere", async () => {
  const tenant = await tenantOf();
  const ada = await personIn(tenant, "member");
  const [id, inPerson] = [await oneInstance(tenant), [] as Id<"tokenFamily">[]];
  inPerson.push(await signInOn(tenant, id, ada.id));
  const by = async (workspaceId: Id<"workspace"> | null) => {
    const token = newId("credential", Date.now());
    await ownerRows(sql`
      insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, workspace_id, created_at, valid_until)
        values (${uuidFromId("credential", token)}, ${uuidFromId("tenant", tenant.id)}, 'personal-access-token', 'k',
          sha256(${token}::bytea), '{profile:read}', ${uuidFromId("person", ada.id)},
          ${workspaceId && uuidFromId("workspace", workspaceId)}, now(), now() + interval '1 hour')`);
    return {
      token: uuidFromId("credential", token),
      family: await signInOn(tenant, id, ada.id, { credentialId: token }),
    };
  };
  const [revoked, expired, bound, free] = [
    await by(null),
    await by(null),
    await by(tenant.workspaceId),
    await by(null),
  ];
  const listed = async () =>
    (await ask(tenant, "GET", `/api/v1/instances/${id}/sign-ins`)).body.data.map((row) => row["id"]).toSorted();
  const left = [...inPerson, ...[revoked, expired, bound, free].map(({ family }) => family)];
  const gone = (family: string) => left.splice(left.indexOf(family as Id<"tokenFamily">), 1);
  expect(await listed()).toEqual(left.toSorted());
  await ownerRows(sql`update credentials set revoked_at = now() where id = ${revoked.token}`);
  gone(revoked.family);
  expect(await listed()).toEqual(left.toSorted());
  await ownerRows(sql`update credentials set valid_until = now() where id = ${expired.token}`);
  gone(expired.family);
  expect(await listed()).toEqual(left.toSorted());
  const workspace_id = await workspaceOf(tenant);
  expect((await ask(tenant, "PATCH", `/api/v1/instances/${id}`, { workspace_id })).status).toEqual(DONE);
  gone(bound.family);
  expect(await listed()).toEqual(left.toSorted());
  expect(left).toEqual([...inPerson, free.family]);
});

test("who may: owners and admins change, members look, and who was signed in is not every member's to see", async () => {
  const tenant = await tenantOf();
  const id = await oneInstance(tenant);
  const family = await signInOn(tenant, id, (await personIn(tenant, "member")).id);
  const path = `/api/v1/instances/${id}`;
  const outcomes = async (role: Role, method: string, at: string, body?: object) => {
    const person = await personIn(tenant, role);
    const headers = { ...(await sessionHeaders(person, method)), "content-type": "application/json" };
    const response = await call(at, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return response.status;
  };
  for (const [method, at, body] of [
    ["PATCH", path, { name: "x" }],
    ["POST", `${path}/revoke`],
    ["DELETE", path],
    ["GET", `${path}/sign-ins`],
    ["DELETE", `${path}/sign-ins/${family}`],
  ] as const) {
    expect([method, at, await outcomes("member", method, at, body)]).toEqual([method, at, 403]);
  }
  expect(await outcomes("member", "GET", path)).toBe(200);
  expect(await outcomes("admin", "GET", `${path}/sign-ins`)).toBe(200);
  expect(await outcomes("admin", "DELETE", `${path}/sign-ins/${family}`)).toBe(200);
  expect(await outcomes("admin", "PATCH", path, { name: "x" })).toBe(200);
  expect(await outcomes("owner", "POST", `${path}/revoke`)).toEqual(DONE);
});

test("of two moves and a revocation at once each leaves a whole state, and generations never go back", async () => {
  const tenant = await tenantOf();
  const targets = await Promise.all(Array.from({ length: 6 }, () => workspaceOf(tenant)));
  const ids = await manyInstances(tenant, 6);
  const person = await personIn(tenant, "member");
  for (const id of ids) await signInOn(tenant, id, person.id);
  const answers = await Promise.all([
    ...ids.map((id, n) => ask(tenant, "PATCH", `/api/v1/instances/${id}`, { workspace_id: targets[n] })),
    ask(tenant, "POST", `/api/v1/instances/${ids[0]}/revoke`),
  ]);
  for (const { status } of answers) expect(status).toEqual(DONE);
  const raised = (await posted(tenant, "generation")).map(({ generation }) => generation as number);
  // The revoked one's may have moved after nobody was signed in on it any more.
  expect(raised.length).toBeGreaterThanOrEqual(5);
  expect(raised.toSorted((a, b) => a - b)).toEqual(raised.map((_, n) => n + 1));
  expect(new Set((await generations(tenant)).map(({ generation }) => generation))).toEqual(new Set([raised.length]));
});
