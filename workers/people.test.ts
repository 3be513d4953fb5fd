import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { toHex } from "../src/core/bytes.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { PERMISSIONS, type Role } from "../src/core/permission.ts";
import { credentials } from "../src/db/schema.ts";
import { invitationToken } from "../src/people/invitation-token.ts";
import { call } from "../src/testing/instance.ts";
import { alsoIn, personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { owner, ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** A person by a session, or a key. */
type Caller = TestPerson | { apiKey: string };
const headersOf = async (caller: Caller, method: string): Promise<Record<string, string>> =>
  "apiKey" in caller ? { authorization: `Bearer ${caller.apiKey}` } : await sessionHeaders(caller, method);

async function ask(caller: Caller, method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
  const headers = { ...(await headersOf(caller, method)), "content-type": "application/json", ...more };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await call(`/api/v1/${path}`, init);
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API says
  return { status: response.status, text, headers: response.headers, body: JSON.parse(text) as any };
}
const said = ({ status, body }: { status: number; body: { error?: string } }) => [status, body.error];

const uuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);
const roleOf = async (person: TestPerson) =>
  (
    await ownerRows<{ role: string }>(
      sql`select case when removed_at is null then role else 'none' end as role from memberships where id = ${uuidFromId("membership", person.memberId)}`,
    )
  )[0]?.role;
const setRole = (person: TestPerson, role: Role) =>
  ownerRows(
    sql`update memberships set role = ${role}, removed_at = null, expires_at = 'infinity' where id = ${uuidFromId("membership", person.memberId)}`,
  );

/** A key or token of a person's, or of nobody's, with these permissions. */
async function keyOf(
  tenant: TestTenant,
  person: TestPerson | null,
  permissions: readonly string[] = PERMISSIONS,
  kind: "api-key" | "personal-access-token" = "api-key",
): Promise<{ apiKey: string; id: Id<"credential"> }> {
  const apiKey = await mintRoutingId(kind, tenant.gateId, await testRoutingKeys());
  const id = newId("credential", Date.now());
  const secretHash = await hashSecret(apiKey);
  const values = { id, tenantId: tenant.id, kind, name: "k", secretHash, permissions: [...permissions] };
  await owner((db) =>
    db.insert(credentials).values({ ...values, personId: person?.id ?? null, createdAt: Date.now() }),
  );
  return { apiKey, id };
}

/** Owner, admin and member of a tenant, and one more of each whom they can reach for. */
async function staff(tenant: TestTenant) {
  const make = async () => ({
    owner: await personIn(tenant, "owner"),
    admin: await personIn(tenant, "admin"),
    member: await personIn(tenant, "member"),
  });
  return { tenant, who: await make(), whom: await make() };
}
test("members are listed in pages and shown with a tag; another tenant's member is the same 404 as none", {
  timeout: 30_000,
}, async () => {
  const { tenant, who } = await staff(await testTenant());
  const beside = await personIn(await testTenant(), "owner");
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await ask(who.member, "GET", `members?limit=4${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...page.body.data.map((item: { id: string }) => item.id));
    cursor = page.body.next_cursor;
  }
  expect([seen.length, new Set(seen).size]).toEqual([6, 6]);
  const one = await ask(tenant, "GET", `members/${who.admin.memberId}`);
  expect(one.body).toEqual({
    object: "member",
    id: who.admin.memberId,
    person_id: who.admin.id,
    name: "Somebody",
    email: who.admin.email,
    role: "admin",
    use_seat: true,
    since: expect.any(Number),
    updated_at: expect.any(Number),
  });
  expect(one.headers.get("cache-control")).toBe("no-store, no-transform");
  expect(one.headers.get("etag")).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
  const unknown = newId("membership", Date.now());
  for (const [method, path, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { role: "member" }],
    ["DELETE", "", undefined],
    ["POST", "/transfer-ownership", undefined],
  ] as const) {
    const [foreign, none] = [beside.memberId, unknown].map((id) =>
      ask(who.owner, method, `members/${id}${path}`, body),
    );
    expect([method, said((await foreign) as never)]).toEqual([method, [404, "not-found"]]);
    const bytes = async (answer: typeof foreign) => (await answer)?.text.replace(/req_\w+/, "");
    expect(await bytes(foreign)).toBe(await bytes(none));
  }
  expect(await roleOf(beside)).toBe("owner");
});

test("escalation by every route is refused, and a key shrinks with its maker", { timeout: 30_000 }, async () => {
  const { tenant, who, whom } = await staff(await testTenant());
  // All pairs of roles: drizzle/people.test.ts. Here, that the routes ask the database.
  for (const caller of [who.admin, await keyOf(tenant, who.admin)]) {
    for (const [method, path, body] of [
      ["PATCH", `members/${who.admin.memberId}`, { role: "owner" }],
      ["PATCH", `members/${whom.owner.memberId}`, { role: "member" }],
      ["DELETE", `members/${whom.owner.memberId}`, undefined],
      ["POST", `members/${who.admin.memberId}/transfer-ownership`, undefined],
      ["POST", "invitations", { email: "a@b.test", role: "owner" }],
      ["POST", "invitations", { email: "a@b.test", role: "operator" }],
      ["POST", "keys", { name: "more", permissions: ["owners:write"] }],
    ] as const) {
      expect([method, path, said(await ask(caller, method, path, body))]).toEqual([method, path, [403, "forbidden"]]);
    }
  }
  for (const [method, path, body] of [
    ["PATCH", `members/${who.member.memberId}`, { role: "admin" }],
    ["DELETE", `members/${whom.member.memberId}`, undefined],
    ["POST", "invitations", { email: "a@b.test", role: "member" }],
    ["POST", "keys", { name: "more", permissions: ["members:write"] }],
  ] as const) {
    expect([method, path, said(await ask(who.member, method, path, body))]).toEqual([method, path, [403, "forbidden"]]);
  }
  // It shrinks with its maker at once, and whoever was demoted is bound by the new role.
  const admins = await keyOf(tenant, who.admin);
  const path = `members/${whom.member.memberId}`;
  expect((await ask(admins, "PATCH", path, { role: "member" })).status).toBe(200);
  expect((await ask(who.owner, "PATCH", `members/${who.admin.memberId}`, { role: "member" })).status).toBe(200);
  for (const caller of [admins, who.admin])
    expect((await ask(caller, "PATCH", path, { role: "admin" })).status).toBe(403);
});

test("a tenant always has an owner: whoever asks, whatever way, and when two go at once", {
  timeout: 30_000,
}, async () => {
  const { tenant, who, whom } = await staff(await testTenant());
  await setRole(whom.owner, "admin");
  const last = [409, "last-owner"];
  const { memberId } = who.owner;
  expect(said(await ask(who.owner, "PATCH", `members/${memberId}`, { role: "admin" }))).toEqual(last);
  expect(said(await ask(who.owner, "DELETE", `members/${memberId}`))).toEqual(last);
  expect(said(await ask(tenant, "PATCH", `members/${memberId}`, { role: "member" }))).toEqual(last);
  expect(said(await ask(tenant, "DELETE", `members/${memberId}`))).toEqual(last);
  // An owner elsewhere, a removed one and one whose membership has expired do not count.
  await alsoIn(whom.member.id, await testTenant(), "owner");
  await ownerRows(
    sql`update memberships set role = 'owner', removed_at = now() where id = ${uuidFromId("membership", whom.admin.memberId)}`,
  );
  expect(said(await ask(who.owner, "DELETE", `members/${memberId}`))).toEqual(last);

  const owners = async () =>
    (
      await ownerRows(
        sql`select from memberships where tenant_id = ${uuid(tenant)} and role = 'owner' and removed_at is null`,
      )
    ).length;
  for (const go of ["leave", "demote each other", "remove each other"] as const) {
    await setRole(who.owner, "owner");
    await setRole(whom.owner, "owner");
    const pair = [who.owner, whom.owner] as const;
    const answers = await Promise.all(
      pair.map((person, at) => {
        const other = pair[1 - at] as TestPerson;
        if (go === "leave") return ask(person, "DELETE", `members/${person.memberId}`);
        if (go === "remove each other") return ask(person, "DELETE", `members/${other.memberId}`);
        return ask(person, "PATCH", `members/${other.memberId}`, { role: "member" });
      }),
    );
    const statuses = answers.map(({ status }) => status).toSorted();
    expect([go, statuses[0], await owners()]).toEqual([go, 200, 1]);
    expect([403, 404, 409]).toContain(statuses[1]);
  }
});

test("two who change a member at once: with If-Match one of them is told so", { timeout: 30_000 }, async () => {
  const { who, whom, tenant } = await staff(await testTenant());
  const path = `members/${whom.member.memberId}`;
  const etag = (await ask(who.admin, "GET", path)).headers.get("etag") ?? "";
  const race = await Promise.all(
    [who.admin, whom.admin].map((admin) => ask(admin, "PATCH", path, { role: "admin" }, { "if-match": etag })),
  );
  expect(race.map(said).toSorted()).toEqual([
    [200, undefined],
    [412, "precondition-failed"],
  ]);
  const now = race.find(({ status }) => status === 200)?.headers.get("etag") ?? "";
  expect(now).toBe((await ask(who.admin, "GET", path)).headers.get("etag"));
  for (const tag of [etag, `W/${now}`, '"x"', tenant.id]) {
    expect(said(await ask(who.admin, "PATCH", path, { role: "member" }, { "if-match": tag }))[0]).toBe(412);
  }
  expect(await roleOf(whom.member)).toBe("admin");
  expect((await ask(who.admin, "PATCH", path, { role: "member" }, { "if-match": `"x", ${now}` })).status).toBe(200);
  expect((await ask(who.admin, "PATCH", path, { role: "admin" }, { "if-match": "*" })).status).toBe(200);
});

test("whoever was removed or has left enters no more: sessions, tokens, keys, and the gates below hear of it", {
  timeout: 30_000,
}, async () => {
  const reseller = await testTenant({ kind: "reseller" });
  const [client, untouched] = [
    await testTenant({ kind: "client", parent: reseller }),
    await testTenant({ kind: "client", parent: reseller }),
  ];
  const { who, whom } = await staff(reseller);
  const token = await keyOf(reseller, who.admin, PERMISSIONS, "personal-access-token");
  const below = await keyOf(client, who.admin);
  for (const caller of [who.admin, token, below]) expect((await ask(caller, "GET", "members")).status).toBe(200);
  const generation = async () =>
    (
      await ownerRows<{ generation: number }>(
        sql`select generation from workspaces where tenant_id = ${uuid(reseller)}`,
      )
    )[0]?.generation ?? 0;
  const before = await generation();
  const posted = async (tenant: TestTenant) =>
    (
      await ownerRows<{ message: { kind: string; subject?: { id: string } } }>(
        sql`select message from outbox where tenant_id = ${uuid(tenant)} and message->>'kind' <> 'tenant' order by id`,
      )
    ).map(({ message }) => message);

  expect((await ask(who.owner, "DELETE", `members/${who.admin.memberId}`)).body).toMatchObject({
    object: "member",
    deleted: true,
  });
  expect(said(await ask(who.admin, "GET", "members"))).toEqual([404, "not-found"]);
  expect(said(await ask(who.admin, "GET", `members?tenant_id=${client.id}`))).toEqual([404, "not-found"]);
  expect(said(await ask(token, "GET", "members"))).toEqual([401, "key-revoked"]);
  expect(said(await ask(below, "GET", "members"))).toEqual([403, "forbidden"]);
  expect(await generation()).toBe(before + 1);
  const hash = toHex(await hashSecret(token.apiKey));
  expect(await posted(reseller)).toEqual([
    expect.objectContaining({ kind: "revoked", reason: "key-revoked", subject: { kind: "key", id: hash } }),
    { kind: "generation", personId: who.admin.id, generation: before + 1, untilMs: expect.any(Number) },
    { kind: "keys-changed" },
  ]);
  expect([await posted(client), await posted(untouched)]).toEqual([[{ kind: "keys-changed" }], []]);
  expect(said(await ask(who.owner, "DELETE", `members/${who.admin.memberId}`))).toEqual([404, "not-found"]);

  // Leaving needs no permission, but a session of one's own; a token of one's own is not enough.
  const narrow = await keyOf(reseller, who.member, ["members:read"], "personal-access-token");
  expect((await ask(narrow, "DELETE", `members/${who.member.memberId}`)).status).toBe(403);
  expect((await ask(who.member, "DELETE", `members/${whom.member.memberId}`)).status).toBe(403);
  expect((await ask(who.member, "DELETE", `members/${who.member.memberId}`)).status).toBe(200);
  expect((await ask(who.member, "GET", "members")).status).toBe(404);
  // Of several tenants one is left, and the other still entered.
  const elsewhere = await testTenant();
  const there = await alsoIn(whom.member.id, elsewhere, "member");
  expect((await ask(whom.member, "DELETE", `members/${there}?tenant_id=${reseller.id}`)).status).toBe(404);
  expect((await ask(whom.member, "DELETE", `members/${there}?tenant_id=${elsewhere.id}`)).status).toBe(200);
  expect((await ask(whom.member, "GET", "members")).status).toBe(200);
  const { body } = await ask(who.owner, "GET", "audit?limit=3");
  expect(
    body.data.map((entry: Record<string, unknown>) => [entry["action"], entry["actor_id"], entry["detail"]]),
  ).toEqual([
    ["member.left", who.member.id, { person_id: who.member.id, role: "member" }],
    ["member.removed", who.owner.id, { person_id: who.admin.id, role: "admin" }],
  ]);
});

test("ownership is handed over in person, both sides at once, and not twice", {
  timeout: 30_000,
}, async () => {
  const { tenant, who, whom } = await staff(await testTenant());
  const path = `members/${whom.member.memberId}/transfer-ownership`;
  for (const caller of [who.admin, who.member, tenant, await keyOf(tenant, who.owner)]) {
    expect(said(await ask(caller, "POST", path))).toEqual([403, "forbidden"]);
  }
  expect(said(await ask(who.owner, "POST", `members/${who.owner.memberId}/transfer-ownership`))).toEqual([
    409,
    "conflict",
  ]);
  const once = { "idempotency-key": "hand-over" };
  const first = await ask(who.owner, "POST", path, undefined, once);
  expect([first.status, first.body.role, await roleOf(who.owner), await roleOf(whom.member)]).toEqual([
    200,
    "owner",
    "admin",
    "owner",
  ]);
  // A repeat is by an admin now.
  for (const headers of [once, {}]) {
    expect(said(await ask(who.owner, "POST", path, undefined, headers))).toEqual([403, "forbidden"]);
  }
  // An owner of the tenant above is none here in person.
  const reseller = await testTenant({ kind: "reseller" });
  const client = await testTenant({ kind: "client", parent: reseller });
  const above = await personIn(reseller, "owner");
  const clients = await personIn(client, "member");
  const target = `?tenant_id=${client.id}`;
  expect(said(await ask(above, "POST", `members/${clients.memberId}/transfer-ownership${target}`))).toEqual([
    403,
    "forbidden",
  ]);
  expect((await ask(above, "PATCH", `members/${clients.memberId}${target}`, { role: "owner" })).status).toBe(200);
});

test("an invitation: a mail without a secret, a token by its hash alone, one per address, withdrawn and sent again", {
  timeout: 30_000,
}, async () => {
  const { tenant, who, whom } = await staff(await testTenant({ name: "Acme" }));
  const sent = await ask(
    who.admin,
    "POST",
    "invitations",
    { email: "New.Person@X.test", role: "admin" },
    { "idempotency-key": "1" },
  );
  expect([sent.status, sent.body]).toEqual([
    201,
    {
      object: "invitation",
      id: expect.stringMatching(/^inv_/),
      email: "new.person@x.test",
      role: "admin",
      use_seat: true,
      invited_by: who.admin.id,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      valid_until: expect.any(Number),
      accepted_at: null,
      revoked_at: null,
    },
  ]);
  expect((sent.body.valid_until - sent.body.created_at) / 86_400).toBeCloseTo(7, 2);
  const again = await ask(
    who.admin,
    "POST",
    "invitations",
    { email: "New.Person@X.test", role: "admin" },
    { "idempotency-key": "1" },
  );
  expect([again.body, again.headers.get("idempotency-replayed")]).toEqual([sent.body, "true"]);
  const { routingKeys } = await createDeps(env);
  const token = await invitationToken(sent.body.id, routingKeys);
  const mails = await ownerRows(
    sql`select recipient, template, parameters, attempts from mail_outbox where tenant_id = ${uuid(tenant)}`,
  );
  expect(mails).toEqual([
    {
      recipient: "new.person@x.test",
      template: "invitation",
      parameters: { invitation_id: sent.body.id, tenant_name: "Acme", inviter: "Somebody", role: "admin" },
      // Tried at once: nothing here takes mail.
      attempts: 1,
    },
  ]);
  const [row] = await ownerRows<{ hash: string }>(
    sql`select encode(secret_hash, 'hex') as hash from invitations where tenant_id = ${uuid(tenant)}`,
  );
  expect(row?.hash).toBe(toHex(await hashSecret(token)));

  // The same answer for a member's address, in another case too.
  const members = await ask(who.owner, "POST", "invitations", {
    email: whom.member.email.toUpperCase(),
    role: "member",
  });
  expect([members.status, Object.keys(members.body)]).toEqual([201, Object.keys(sent.body)]);

  const second = await ask(who.owner, "POST", "invitations", { email: "NEW.person@x.test", role: "owner" });
  const list = await ask(who.member, "GET", "invitations");
  expect(
    list.body.data
      .map((item: Record<string, unknown>) => [item["id"], item["role"], item["revoked_at"] !== null])
      .toSorted(),
  ).toEqual(
    [
      [sent.body.id, "admin", true],
      [members.body.id, "member", false],
      [second.body.id, "owner", false],
    ].toSorted(),
  );
  expect(list.text + sent.text + second.text).not.toMatch(/ebbi_|secret|token/);
  // Of an owner's invitation admins neither end the one nor replace it.
  for (const [method, path, body] of [
    ["DELETE", `invitations/${second.body.id}`, undefined],
    ["POST", `invitations/${second.body.id}/resend`, undefined],
    ["POST", "invitations", { email: "new.person@x.test", role: "member" }],
  ] as const) {
    expect(said(await ask(who.admin, method, path, body))).toEqual([403, "forbidden"]);
    expect(said(await ask(who.member, method, path, body))).toEqual([403, "forbidden"]);
  }
  const resend = `invitations/${members.body.id}/resend`;
  await ownerRows(
    sql`update invitations set valid_until = now() + interval '1 minute' where id = ${uuidFromId("invitation", members.body.id)}`,
  );
  for (let i = 0; i < 4; i++) {
    const { body } = await ask(who.admin, "POST", resend);
    expect(body.valid_until * 1000).toBeGreaterThan(Date.now() + 6.9 * 86_400_000);
  }
  expect(said(await ask(who.admin, "POST", resend))).toEqual([409, "too-many-invitations"]);
  expect((await ask(who.admin, "DELETE", `invitations/${members.body.id}`)).body).toMatchObject({ deleted: true });
  const ended = uuidFromId("invitation", second.body.id);
  await ownerRows(sql`update invitations set valid_until = now() - interval '1 minute' where id = ${ended}`);
  for (const [id, error] of [
    [members.body.id, [409, "invitation-used"]],
    [second.body.id, [403, "invitation-expired"]],
    [newId("invitation", Date.now()), [404, "not-found"]],
  ] as const) {
    expect(said(await ask(who.owner, "DELETE", `invitations/${id}`))).toEqual(error);
    expect(said(await ask(who.owner, "POST", `invitations/${id}/resend`))).toEqual(error);
  }
  const stranger = await personIn(await testTenant(), "owner");
  for (const path of [`invitations/${second.body.id}`, `invitations/${members.body.id}`]) {
    expect(said(await ask(stranger, "DELETE", path))).toEqual([404, "not-found"]);
    expect(said(await ask(stranger, "POST", `${path}/resend`))).toEqual([404, "not-found"]);
  }
});

test("an address has one @, at most 254 characters and nothing that does not print", { timeout: 30_000 }, async () => {
  const tenant = await testTenant();
  const long = (length: number) => `${"a".repeat(length - "@x.test".length)}@x.test`;
  const bad = [
    "",
    "x",
    "@",
    "a@",
    "@b",
    "a@b@c",
    "a b@c",
    "a@b c",
    "a\n@b",
    "a@b\u0000",
    "a\u007f@b",
    "a\u00a0@b",
    long(255),
  ];
  for (const email of bad) {
    const refused = await ask(tenant, "POST", "invitations", { email, role: "member" });
    expect([email, said(refused)]).toEqual([email, [400, "invalid-field"]]);
  }
  for (const email of [long(254), "ä@b.test", "a+b@c"]) {
    expect((await ask(tenant, "POST", "invitations", { email, role: "member" })).status).toBe(201);
  }
  expect(said(await ask(tenant, "POST", "invitations", { email: "a@b", role: "king" }))).toEqual([
    400,
    "invalid-field",
  ]);
  const count = async () =>
    (await ownerRows(sql`select from invitations where tenant_id = ${uuid(tenant)} and revoked_at is null`)).length;
  await ownerRows(sql`
    insert into invitations (id, tenant_id, email, role, secret_hash, created_at, valid_until)
      select gen_random_uuid(), ${uuid(tenant)}, n || '@many.test', 'member', sha256(gen_random_uuid()::text::bytea), now(), now() + interval '1 day'
        from generate_series(1, 96) n`);
  const answers = await Promise.all(
    [1, 2, 3].map((n) => ask(tenant, "POST", "invitations", { email: `last${n}@x.test`, role: "member" })),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
  expect(await count()).toBe(100);
  // In place of an open one there is room.
  expect((await ask(tenant, "POST", "invitations", { email: "1@many.test", role: "member" })).status).toBe(201);
  expect(await count()).toBe(100);
});

test("operators are of the platform, and made by its owners alone", { timeout: 30_000 }, async () => {
  const platform = await testTenant({ kind: "platform" });
  const { who, whom } = await staff(platform);
  const role = "operator";
  expect((await ask(who.admin, "PATCH", `members/${whom.member.memberId}`, { role })).status).toBe(403);
  expect((await ask(who.admin, "POST", "invitations", { email: "o@x.test", role })).status).toBe(403);
  expect((await ask(who.owner, "POST", "invitations", { email: "o@x.test", role })).status).toBe(201);
  expect((await ask(who.owner, "PATCH", `members/${whom.member.memberId}`, { role })).status).toBe(200);
  expect((await ask(who.admin, "DELETE", `members/${whom.member.memberId}`)).status).toBe(403);
  expect((await ask(who.admin, "PATCH", `members/${whom.member.memberId}`, { role: "member" })).status).toBe(403);
  // In a customer's tenant an owner or operator of the platform is an operator, who manages nobody there.
  const customer = await testTenant({ parent: platform });
  const theirs = await personIn(customer, "member");
  for (const caller of [who.owner, whom.member, await keyOf(platform, who.owner)]) {
    const reason = { "ebb-reason": "looking into it" };
    const answer = await ask(
      caller,
      "PATCH",
      `members/${theirs.memberId}?tenant_id=${customer.id}`,
      { role: "owner" },
      reason,
    );
    expect(said(answer)).toEqual([403, "forbidden"]);
  }
  expect(await roleOf(theirs)).toBe("member");
});

test("whom a tenant's own provider vouches for belongs to that tenant alone", { timeout: 30_000 }, async () => {
  const [own, beside] = [await testTenant(), await testTenant()];
  const person = await personIn(own, "member", { provider: own.id });
  await expect(alsoIn(person.id, beside, "member")).rejects.toMatchObject({ cause: { code: "EB405" } });
});
