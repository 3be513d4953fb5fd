import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { permissionsOf } from "../src/core/permission.ts";
import { statementsDuring } from "../src/testing/faults.ts";
import { call } from "../src/testing/instance.ts";
import { becomes, somebody, tellKeysChanged } from "../src/testing/key-world.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

type Headers = Record<string, string>;
type Json = Record<string, unknown>;

const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` });
async function ask(method: string, path: string, headers: Headers, body?: unknown) {
  const response = await call(path, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const json = await response.json<Json>();
  return { status: response.status, error: json["error"], json };
}
const made = async (headers: Headers, body: Json = {}) => {
  const { json } = await ask("POST", "/api/v1/tokens", headers, { name: "laptop", ...body });
  return json as { id: string; token: string; valid_until: number; permissions: string[]; tenant_id: string };
};
const said = ({ status, error }: { status: number; error: unknown }) => [status, error];
const ids = async (headers: Headers, path = "/api/v1/tokens") =>
  ((await ask("GET", path, headers)).json["data"] as { id: string }[]).map(({ id }) => id);
const DAY_S = 86_400;

test("a person makes tokens for themself alone: subset, ends, one tenant, seen and revoked by their owner", async () => {
  const tenant = await testTenant();
  const member = await somebody([tenant, "member"]);
  const other = await somebody([tenant, "member"]);
  const nowS = Math.floor(Date.now() / 1000);
  const token = await made(member.headers);
  expect(token).toMatchObject({ permissions: permissionsOf("member"), tenant_id: tenant.id });
  expect(token.token).toMatch(/^ebbp_/);
  expect(Math.abs(token.valid_until - nowS - 90 * DAY_S)).toBeLessThan(30);
  const post = (headers: Headers, body: Json) => ask("POST", "/api/v1/tokens", headers, { name: "x", ...body });
  for (const valid_until of [nowS - 1, nowS + 367 * DAY_S]) {
    expect(said(await post(member.headers, { valid_until }))).toEqual([400, "invalid-field"]);
  }
  // With a token: no more, and no longer.
  const narrow = await made(bearer(token.token), {
    permissions: ["tokens:write", "tokens:read"],
    valid_until: nowS + DAY_S,
  });
  for (const body of [
    { permissions: ["instances:read"], valid_until: nowS + DAY_S },
    { valid_until: nowS + 2 * DAY_S },
  ]) {
    expect((await post(bearer(narrow.token), body)).status).toBeGreaterThanOrEqual(400);
  }
  expect((await made(bearer(narrow.token))).valid_until).toBe(nowS + DAY_S);
  const blunt = await made(member.headers, { permissions: ["instances:read"] });
  expect(said(await post(bearer(blunt.token), {}))).toEqual([403, "forbidden"]);

  const theirs = await made(other.headers);
  expect(await ids(member.headers)).toHaveLength(4);
  expect(await ids(bearer(token.token))).toHaveLength(4);
  expect(await ids(other.headers)).toEqual([theirs.id]);
  expect(await ids(bearer(tenant.apiKey))).toEqual([]);
  expect(said(await ask("DELETE", `/api/v1/tokens/${theirs.id}`, member.headers))).toEqual([404, "not-found"]);
  expect(said(await ask("DELETE", `/api/v1/tokens/${theirs.id}`, bearer(tenant.apiKey)))).toEqual([404, "not-found"]);
  expect(said(await ask("GET", "/api/v1/keys", member.headers))).toEqual([403, "forbidden"]);

  // Whoever may see keys sees tokens, by kind, and revokes them; on the next request.
  expect((await ask("GET", "/api/v1/user", bearer(theirs.token))).status).toBe(200);
  const shown = await ask("GET", `/api/v1/keys/${theirs.id}`, bearer(tenant.apiKey));
  expect(shown.json).toMatchObject({ kind: "personal-access-token", person_id: other.id });
  expect((await ask("DELETE", `/api/v1/keys/${theirs.id}`, bearer(tenant.apiKey))).json).toMatchObject({
    effective: true,
  });
  expect(said(await ask("GET", "/api/v1/user", bearer(theirs.token)))).toEqual([401, "key-revoked"]);
  expect((await ask("DELETE", `/api/v1/tokens/${token.id}`, bearer(token.token))).status).toBe(200);
  expect(said(await ask("GET", "/api/v1/user", bearer(token.token)))).toEqual([401, "key-revoked"]);
  const audit = await ownerRows(
    sql`select action from audit_entries where tenant_id = ${uuidFromId("tenant", tenant.id)} order by id`,
  );
  expect(new Set(audit.map(({ action }) => action))).toEqual(new Set(["token.created", "token.revoked"]));
});

test("a token shrinks with its person, and is none for a tenant below, where an operator needs a reason", async () => {
  const platform = await testTenant({ kind: "platform" });
  const direct = await testTenant({ kind: "direct", parent: platform });
  const operator = await somebody([platform, "operator"]);
  const reason = { ...operator.headers, "ebb-reason": "ticket 7" };
  const below = `/api/v1/tokens?tenant_id=${direct.id}`;
  expect(said(await ask("POST", below, reason, { name: "x" }))).toEqual([403, "forbidden"]);
  const admin = await somebody([direct, "admin"]);
  const { token } = await made(admin.headers);
  expect((await ask("GET", "/api/v1/keys", bearer(token))).status).toBe(200);
  await becomes(admin, direct, "member");
  expect(said(await ask("GET", "/api/v1/keys", bearer(token)))).toEqual([403, "forbidden"]);
  await becomes(admin, direct, "removed");
  expect(said(await ask("GET", "/api/v1/instances", bearer(token)))).toEqual([403, "forbidden"]);
  await tellKeysChanged(direct);
  expect((await ask("GET", "/api/v1/user", bearer(token))).json).toMatchObject({ role: null, permissions: [] });
});

test("who is asking: a person in one or several tenants, in one round trip, with a token or a key", async () => {
  const [tenant, second] = [await testTenant(), await testTenant()];
  const one = await somebody([tenant, "owner"]);
  const both = await somebody([tenant, "member"], [second, "admin"]);
  const nowhere = await somebody();
  const user = (headers: Headers) => ask("GET", "/api/v1/user", headers);
  expect((await user(one.headers)).json).toEqual({
    object: "user",
    kind: "session",
    id: one.id,
    name: "Somebody",
    email: `${one.id}@example.com`,
    created_at: expect.any(Number),
    updated_at: expect.any(Number),
    person_id: one.id,
    credential_id: null,
    tenant_id: tenant.id,
    role: "owner",
    permissions: permissionsOf("owner"),
    memberships: [{ tenant_id: tenant.id, role: "owner" }],
  });
  expect(await statementsDuring(() => user(one.headers))).toBe(1);
  expect((await user(both.headers)).json).toMatchObject({
    id: both.id,
    tenant_id: null,
    permissions: null,
    memberships: [
      { tenant_id: tenant.id, role: "member" },
      { tenant_id: second.id, role: "admin" },
    ],
  });
  expect((await user(nowhere.headers)).json).toMatchObject({ id: nowhere.id, memberships: [] });
  const { token, id } = await made(one.headers, { permissions: ["instances:read"] });
  expect((await user(bearer(token))).json).toMatchObject({
    kind: "personal-access-token",
    id: one.id,
    email: `${one.id}@example.com`,
    credential_id: id,
    tenant_id: tenant.id,
    permissions: ["instances:read"],
    memberships: null,
  });
  expect((await user(bearer(tenant.apiKey))).json).toMatchObject({ kind: "api-key", email: null, person_id: null });
  await ownerRows(sql`update sessions set ended_at = now() where person_id = ${one.uuid}`);
  expect((await user(one.headers)).status).toBe(401);
});
