import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { PERMISSIONS } from "../src/core/permission.ts";
import { credentials } from "../src/db/schema.ts";
import { invitationToken } from "../src/people/invitation-token.ts";
import { askAs as ask, said } from "../src/testing/account-call.ts";
import { manyInstances, signUserFor } from "../src/testing/instance.ts";
import { signInOn, type TestSignIn } from "../src/testing/member-sign-ins.ts";
import { alsoIn, personIn, type TestPerson } from "../src/testing/people.ts";
import { owner, ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";

/** /api/v1/team and /api/v1/user as the published contract has them; seats, and what a change of people ends. */

const uuid = (tenant: Pick<TestTenant, "id">) => uuidFromId("tenant", tenant.id);
const TIME = expect.any(Number);
const AT = { created_at: TIME, updated_at: TIME };

async function staff(wanted: Parameters<typeof testTenant>[0] = {}) {
  const tenant = await testTenant(wanted);
  return {
    tenant,
    owner: await personIn(tenant, "owner"),
    admin: await personIn(tenant, "admin"),
    member: await personIn(tenant, "member"),
  };
}

async function tokenOf(tenant: TestTenant, person: TestPerson): Promise<{ apiKey: string; id: Id<"credential"> }> {
  const apiKey = await mintRoutingId("personal-access-token", tenant.gateId, await testRoutingKeys());
  const id = newId("credential", Date.now());
  const facts = { id, tenantId: tenant.id, kind: "personal-access-token", name: "t", personId: person.id } as const;
  const permissions = PERMISSIONS.filter((permission) => permission !== "instances:register");
  const secretHash = await hashSecret(apiKey);
  await owner((db) => db.insert(credentials).values({ ...facts, secretHash, permissions, createdAt: Date.now() }));
  return { apiKey, id };
}

/** Gives the tenant's running subscription so many seats. */
const setSeats = (tenant: TestTenant, seats: number | null) =>
  ownerRows(sql`update subscriptions set seats = ${seats} where tenant_id = ${uuid(tenant)} and status = 'active'`);
const seats = async (tenant: TestTenant) => {
  const { body } = await ask(tenant, "GET", "team/subscription");
  return [body.seats_used, body.seats];
};

test("the team, its users, invitations and subscription have the contract's fields, and by every credential", async () => {
  const { tenant, owner: first, admin, member } = await staff({ name: "Acme", plan: "team" });
  const second = await personIn(tenant, "owner");
  for (const caller of [tenant, admin, member, await tokenOf(tenant, member)]) {
    expect((await ask(caller, "GET", "team")).body).toEqual({
      object: "team",
      id: tenant.id,
      name: "Acme",
      email: first.email,
      ...AT,
    });
    const users = await ask(caller, "GET", "team/users");
    const shown = (person: TestPerson, role: string) => ({
      object: "team_user",
      id: person.id,
      name: "Somebody",
      email: person.email,
      role,
      use_seat: true,
      ...AT,
    });
    expect(users.body).toEqual([
      shown(first, "admin"),
      shown(admin, "admin"),
      shown(member, "member"),
      shown(second, "admin"),
    ]);
    expect(users.headers.has("ebb-next-cursor")).toBe(false);
    expect((await ask(caller, "GET", "team/subscription")).body).toEqual({
      object: "team_subscription",
      id: expect.stringMatching(/^sub_/),
      plan: { object: "plan", id: "team", name: "Team" },
      seats: 2_147_483_647,
      seats_used: 4,
      trial: false,
      starts_at: TIME,
      ends_at: null,
      pauses_at: null,
      ...AT,
    });
  }
  const wanted = { email: "Grace@x.test", role: "admin", use_seat: false };
  const invited = await ask(admin, "POST", "team/invitations", wanted);
  const invitation = {
    object: "team_invitation",
    id: expect.stringMatching(/^inv_/),
    email: "grace@x.test",
    role: "admin",
    use_seat: false,
    expires_at: TIME,
    ...AT,
  };
  expect([invited.status, invited.body]).toEqual([201, invitation]);
  expect((await ask(member, "GET", "team/invitations")).body).toEqual([invitation]);
  // The same thing as ours shows.
  const [ours] = (await ask(admin, "GET", "invitations")).body.data;
  expect([ours.id, ours.role, ours.use_seat, ours.valid_until]).toEqual([
    invited.body.id,
    "admin",
    false,
    invited.body.expires_at,
  ]);
  const path = `team/invitations/${invited.body.id}`;
  expect(said(await ask(member, "DELETE", path))).toEqual([403, "forbidden"]);
  const gone = await ask(admin, "DELETE", path);
  expect([gone.status, gone.body]).toEqual([200, { object: "team_invitation", id: invited.body.id, deleted: true }]);
  expect((await ask(member, "GET", "team/invitations")).body).toEqual([]);
  expect(said(await ask(admin, "DELETE", path))).toEqual([409, "invitation-used"]);
});

test("a team without owner or subscription, an operator of the platform, and a long list say so", async () => {
  const platform = await testTenant({ kind: "platform" });
  const tenant = await testTenant({ parent: platform });
  const operator = await personIn(platform, "operator");
  await personIn(tenant, "owner");
  expect((await ask(platform, "GET", "team")).body.email).toBe("");
  expect((await ask(platform, "GET", "team/users")).body).toMatchObject([{ id: operator.id, role: "member" }]);
  // Who only administers a tenant sees nobody of it without saying why.
  const below = `team?tenant_id=${tenant.id}`;
  expect((await ask(operator, "GET", below)).body.email).toBe("");
  const reason = { "ebb-reason": "a ticket" };
  expect((await ask(operator, "GET", below, undefined, reason)).body.email).toMatch(/@example\.test$/);
  await ownerRows(
    sql`update subscriptions set status = 'ended', ended_at = now() where tenant_id = ${uuid(tenant)} and status = 'active'`,
  );
  const ended = await ask(tenant, "GET", "team/subscription");
  expect([ended.status, ended.text]).toEqual([200, "null"]);

  for (let n = 0; n < 4; n++) await personIn(tenant, "member");
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await ask(tenant, "GET", `team/users?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...page.body.map(({ id }: { id: string }) => id));
    cursor = page.headers.get("ebb-next-cursor");
  }
  expect([seen.length, new Set(seen).size]).toEqual([5, 5]);
  for (const limit of ["0", "1001", "x"]) {
    expect(said(await ask(tenant, "GET", `team/users?limit=${limit}`))).toEqual([400, "invalid-field"]);
  }
});

test("a user is removed by the person's id, by the same rules as a member", async () => {
  const { tenant, owner: first, admin, member } = await staff();
  const beside = await personIn(await testTenant(), "member");
  expect(said(await ask(member, "DELETE", `team/users/${admin.id}`))).toEqual([403, "forbidden"]);
  expect(said(await ask(admin, "DELETE", `team/users/${first.id}`))).toEqual([403, "forbidden"]);
  expect(said(await ask(first, "DELETE", `team/users/${first.id}`))).toEqual([409, "last-owner"]);
  expect(said(await ask(first, "DELETE", `team/users/${admin.memberId}`))).toEqual([400, "invalid-field"]);
  const answers = [beside.id, newId("person", Date.now())].map((id) => ask(first, "DELETE", `team/users/${id}`));
  const [foreign, none] = (await Promise.all(answers)).map(({ text }) => text.replace(/req_\w+/, ""));
  expect(foreign).toBe(none);
  expect(said(await ask(first, "DELETE", `team/users/${beside.id}`))).toEqual([404, "not-found"]);
  // Of somebody who is a member elsewhere too, this membership alone.
  const elsewhere = await testTenant();
  await alsoIn(member.id, elsewhere, "member");
  const removed = await ask(admin, "DELETE", `team/users/${member.id}`);
  expect([removed.status, removed.body]).toEqual([200, { object: "team_user", id: member.id, deleted: true }]);
  expect(said(await ask(admin, "DELETE", `team/users/${member.id}`))).toEqual([404, "not-found"]);
  expect((await ask(elsewhere, "GET", "team/users")).body).toMatchObject([{ id: member.id }]);
  // Leaving needs no permission.
  const leaver = await personIn(tenant, "member");
  expect((await ask(leaver, "DELETE", `team/users/${leaver.id}`)).status).toBe(200);
  const { body } = await ask(first, "GET", "audit?limit=2");
  expect(body.data.map((entry: Record<string, unknown>) => [entry["action"], entry["subject"]])).toEqual([
    ["member.left", leaver.memberId],
    ["member.removed", member.memberId],
  ]);
});

test("the contract's roles are two: nobody is invited as an owner there, and an admin invites admins", async () => {
  const { owner: first, admin, member } = await staff();
  const invitation = (role: unknown, more: object = { use_seat: true }) => ({ email: "a@x.test", role, ...more });
  for (const role of ["owner", "operator", "Admin", null]) {
    expect(said(await ask(first, "POST", "team/invitations", invitation(role)))).toEqual([400, "invalid-field"]);
  }
  expect(said(await ask(first, "POST", "team/invitations", invitation("member", {})))).toEqual([400, "invalid-field"]);
  expect(said(await ask(member, "POST", "team/invitations", invitation("member")))).toEqual([403, "forbidden"]);
  expect((await ask(admin, "POST", "team/invitations", invitation("admin"))).body.role).toBe("admin");
});

test("seats: taken by members and open invitations, given back, and never more than there are", async () => {
  const { tenant, owner: first, admin, member } = await staff({ plan: "team" });
  await setSeats(tenant, 4);
  expect(await seats(tenant)).toEqual([3, 4]);
  const invite = (email: string, use_seat = true, route = "team/invitations") =>
    ask(admin, "POST", route, { email, role: "member", use_seat });
  const held = await invite("a@x.test");
  expect([held.status, await seats(tenant)]).toEqual([201, [4, 4]]);
  for (const route of ["team/invitations", "invitations"]) {
    expect(said(await invite("b@x.test", true, route))).toEqual([409, "no-seat-left"]);
    expect((await invite(`without-${route.length}@x.test`, false, route)).status).toBe(201);
  }
  expect(said(await ask(admin, "POST", "invitations", { email: "b@x.test", role: "member" }))).toEqual([
    409,
    "no-seat-left",
  ]);
  // In place of one that is open it is the same seat, and what failed has left nothing behind.
  const again = await invite("a@x.test");
  expect([again.status, await seats(tenant)]).toEqual([201, [4, 4]]);
  expect((await ask(admin, "GET", "team/invitations")).body.map(({ email }: { email: string }) => email)).toEqual([
    "a@x.test",
    "without-11@x.test",
    "without-16@x.test",
  ]);

  // Whoever accepts takes the seat that was held.
  const guest = await personIn(await testTenant(), "member", { email: "a@x.test" });
  const token = await invitationToken(again.body.id, await testRoutingKeys());
  expect((await ask(guest, "POST", "invitations/accept", { token })).status).toBe(200);
  expect(await seats(tenant)).toEqual([4, 4]);
  const seat = (use_seat: boolean, person: { memberId: string } = member) =>
    ask(admin, "PATCH", `members/${person.memberId}`, { use_seat });
  const without = await personIn(tenant, "member");
  await ownerRows(
    sql`update memberships set use_seat = false where id = ${uuidFromId("membership", without.memberId)}`,
  );
  expect(said(await seat(true, without))).toEqual([409, "no-seat-left"]);
  // Who has one keeps it, said once more.
  expect((await seat(true)).body.use_seat).toBe(true);
  const taken = await seat(false);
  expect([taken.body.use_seat, await seats(tenant)]).toEqual([false, [3, 4]]);
  expect((await seat(true, without)).body.use_seat).toBe(true);
  expect(await seats(tenant)).toEqual([4, 4]);
  expect(said(await ask(member, "PATCH", `members/${first.memberId}`, { use_seat: false }))).toEqual([
    403,
    "forbidden",
  ]);
  // A role and a seat at once: both or neither.
  const both = await ask(first, "PATCH", `members/${member.memberId}`, { role: "admin", use_seat: true });
  expect(said(both)).toEqual([409, "no-seat-left"]);
  expect((await ask(first, "GET", `members/${member.memberId}`)).body).toMatchObject({
    role: "member",
    use_seat: false,
  });
  expect((await ask(first, "PATCH", `members/${member.memberId}`, {})).body.role).toBe("member");

  // An invitation that has lost its seat to a smaller subscription is not accepted.
  await ask(admin, "DELETE", `team/users/${without.id}`);
  const late = await invite("late@x.test");
  await setSeats(tenant, 3);
  const comer = await personIn(await testTenant(), "member", { email: "late@x.test" });
  const lateToken = await invitationToken(late.body.id, await testRoutingKeys());
  expect(said(await ask(comer, "POST", "invitations/accept", { token: lateToken }))).toEqual([409, "no-seat-left"]);
  await setSeats(tenant, 4);
  expect((await ask(comer, "POST", "invitations/accept", { token: lateToken })).status).toBe(200);
});

test("of the last seat exactly one gets it, however many reach for it at once and by whatever way", async () => {
  const { tenant, admin } = await staff({ plan: "team" });
  const without = await personIn(tenant, "member");
  await ownerRows(
    sql`update memberships set use_seat = false where id = ${uuidFromId("membership", without.memberId)}`,
  );
  await setSeats(tenant, 4);
  const invite = (n: number, route: string) =>
    ask(admin, "POST", route, { email: `last${n}@x.test`, role: "member", use_seat: true });
  const answers = await Promise.all([
    invite(1, "team/invitations"),
    invite(2, "invitations"),
    invite(3, "team/invitations"),
    ask(admin, "PATCH", `members/${without.memberId}`, { use_seat: true }),
  ]);
  const refused = answers.filter(({ status }) => status === 409);
  expect([refused.length, ...new Set(refused.map(({ body }) => body.error))]).toEqual([3, "no-seat-left"]);
  expect(await seats(tenant)).toEqual([4, 4]);
});

test("the tenant above sets seats with the plan, never fewer than are taken", async () => {
  const platform = await testTenant({ kind: "platform" });
  const { tenant } = await staff({ parent: platform, plan: "team" });
  const path = `tenants/${tenant.id}/subscription`;
  const put = (body: object) => ask(platform, "PUT", path, body);
  const running = async () => {
    const { data } = (await ask(tenant, "GET", path)).body;
    return [data.length, data.at(-1).plan, data.at(-1).seats, data.at(-1).seats_used];
  };
  expect((await put({ plan: "team", seats: 3 })).status).toBe(200);
  expect(await running()).toEqual([1, "team", 3, 3]);
  expect(said(await put({ plan: "team", seats: 2 }))).toEqual([409, "no-seat-left"]);
  expect(said(await put({ plan: "enterprise", seats: 2 }))).toEqual([409, "no-seat-left"]);
  expect(await running()).toEqual([1, "team", 3, 3]);
  expect((await put({ plan: "enterprise", seats: 5 })).status).toBe(200);
  expect(await running()).toEqual([2, "enterprise", 5, 3]);
  expect((await ask(tenant, "GET", path)).body.data[0]).toMatchObject({ status: "ended", seats: 3, seats_used: null });
  expect((await put({ plan: "enterprise" })).status).toBe(200);
  expect(await running()).toEqual([2, "enterprise", null, 3]);
  for (const seats of [0, -1, 1.5, 1_000_001, "3"]) {
    expect(said(await put({ plan: "team", seats }))).toEqual([400, "invalid-field"]);
  }
  expect(said(await ask(tenant, "PUT", path, { plan: "team", seats: 9 }))).toEqual([403, "forbidden"]);
});

const familyOf = async ({ familyId, refreshTokenId }: TestSignIn) => {
  const [row] = await ownerRows<{ ended: boolean; revoked: boolean }>(sql`
    select f.ended_at is not null as ended, r.revoked_at is not null as revoked
      from token_families f join refresh_tokens r on r.family_id = f.id
     where f.id = ${uuidFromId("tokenFamily", familyId)} and r.id = ${uuidFromId("refreshToken", refreshTokenId)}`);
  return row?.ended === row?.revoked ? row?.ended : "half";
};
const generationOf = async (tenant: TestTenant) =>
  (
    await ownerRows<{ generation: number }>(
      sql`select distinct generation from workspaces where tenant_id = ${uuid(tenant)} and removed_at is null`,
    )
  ).map(({ generation }) => generation);
/** What the tenant's gate was told of people's sign-ins. */
const told = async (tenant: TestTenant) =>
  (
    await ownerRows<{ message: Record<string, unknown> }>(
      sql`select message from outbox where tenant_id = ${uuid(tenant)} and (message->>'kind' = 'generation'
             or message->'subject'->>'kind' = 'session') order by id`,
    )
  ).map(({ message }) => message);

test("a change of role outdates the tokens of that person alone, in the tenant and where below they have signed in", async () => {
  const reseller = await testTenant({ kind: "reseller" });
  const [client, untouched] = [
    await testTenant({ kind: "client", parent: reseller }),
    await testTenant({ kind: "client", parent: reseller }),
  ];
  const [first, admin] = [await personIn(reseller, "owner"), await personIn(reseller, "admin")];
  await ask(first, "POST", "workspaces", { name: "second" });
  await ask(client, "POST", "workspaces", { name: "second" });
  const [here, below] = [
    await signInOn({ tenant: reseller, person: admin }),
    await signInOn({ tenant: client, person: admin }),
  ];
  const [[before = 0], [beforeBelow = 0]] = [await generationOf(reseller), await generationOf(client)];
  expect((await ask(first, "PATCH", `members/${admin.memberId}`, { role: "member" })).status).toBe(200);
  // One number in all workspaces; each tenant's own.
  expect([await generationOf(reseller), await generationOf(client), await generationOf(untouched)]).toEqual([
    [before + 1],
    [beforeBelow + 1],
    [0],
  ]);
  const message = (generation: number) => ({
    kind: "generation",
    personId: admin.id,
    generation,
    untilMs: expect.any(Number),
  });
  expect([await told(reseller), await told(client), await told(untouched)]).toEqual([
    [message(before + 1)],
    [message(beforeBelow + 1)],
    [],
  ]);
  const until = (await told(reseller))[0]?.["untilMs"] as number;
  expect(Math.abs(until - Date.now() - (7 * 86_400_000 + 600_000))).toBeLessThan(60_000);
  // Nobody is signed out by it: a refresh repairs it.
  expect([await familyOf(here), await familyOf(below)]).toEqual([false, false]);
  // The same role again, or a seat, changes nobody's access.
  await ask(first, "PATCH", `members/${admin.memberId}`, { role: "member" });
  await ask(first, "PATCH", `members/${admin.memberId}`, { use_seat: false });
  expect(await generationOf(reseller)).toEqual([before + 1]);
});

test("whoever leaves is signed out on instances there, and below where they are nothing any more; nobody else is", async () => {
  const reseller = await testTenant({ kind: "reseller" });
  const client = await testTenant({ kind: "client", parent: reseller });
  const alsoClient = await testTenant({ kind: "client", parent: reseller });
  const elsewhere = await testTenant();
  const [first, admin, other] = [
    await personIn(reseller, "owner"),
    await personIn(reseller, "admin"),
    await personIn(reseller, "member"),
  ];
  await alsoIn(admin.id, alsoClient, "member");
  await alsoIn(admin.id, elsewhere, "member");
  const signIn = (tenant: TestTenant, person: TestPerson) => signInOn({ tenant, person });
  const ended = [await signIn(reseller, admin), await signIn(reseller, admin), await signIn(client, admin)];
  const kept = [await signIn(alsoClient, admin), await signIn(elsewhere, admin), await signIn(reseller, other)];
  expect((await ask(first, "DELETE", `members/${admin.memberId}`)).status).toBe(200);
  expect(await Promise.all(ended.map(familyOf))).toEqual([true, true, true]);
  expect(await Promise.all(kept.map(familyOf))).toEqual([false, false, false]);
  const sessions = async (tenant: TestTenant) =>
    (await told(tenant)).filter(({ kind }) => kind === "revoked").map(({ subject }) => (subject as { id: string }).id);
  expect((await sessions(reseller)).toSorted()).toEqual([ended[0]?.familyId, ended[1]?.familyId].toSorted());
  expect([await sessions(client), await sessions(alsoClient)]).toEqual([[ended[2]?.familyId], []]);
  expect((await told(client))[0]).toEqual({
    kind: "revoked",
    subject: { kind: "session", id: ended[2]?.familyId },
    reason: "sign-in-ended",
    issuedBeforeMs: null,
    untilMs: expect.any(Number),
  });
});

test("what a personal access token approved ends with it, by whatever way it ends, and nothing else", async () => {
  const { tenant, owner: first, member } = await staff();
  const [token, second] = [await tokenOf(tenant, member), await tokenOf(tenant, member)];
  const by = (credentialId?: Id<"credential">) =>
    signInOn({ tenant, person: member, ...(credentialId && { credentialId }) });
  const [approved, ofSecond, inPerson] = [await by(token.id), await by(second.id), await by()];
  expect((await ask(member, "DELETE", `tokens/${token.id}`)).status).toBe(200);
  expect([await familyOf(approved), await familyOf(ofSecond), await familyOf(inPerson)]).toEqual([true, false, false]);
  expect((await told(tenant)).map(({ reason }) => reason)).toEqual(["sign-in-ended"]);
  expect((await ask(first, "DELETE", `members/${member.memberId}`)).status).toBe(200);
  expect([await familyOf(ofSecond), await familyOf(inPerson)]).toEqual([true, true]);
});

test("of whom a tenant's own provider vouched the sign-ins end with it", async () => {
  const { tenant, owner: first, admin } = await staff();
  const issuer = "https://login.example.test";
  const id = newId("identityProvider", Date.now());
  await ownerRows(sql`
    insert into identity_providers (id, tenant_id, name, issuer, client_id, client_secret, created_at)
      values (${uuidFromId("identityProvider", id)}, ${uuid(tenant)}, 'own', ${issuer}, 'x', '\\x00', now())`);
  const vouched = await personIn(tenant, "member", { provider: tenant.id });
  const token = await tokenOf(tenant, vouched);
  const ended = [
    await signInOn({ tenant, person: vouched }),
    await signInOn({ tenant, person: vouched, credentialId: token.id }),
  ];
  const kept = await signInOn({ tenant, person: admin });
  expect((await ask(first, "DELETE", `identity-providers/${id}`)).status).toBe(200);
  expect([...(await Promise.all(ended.map(familyOf))), await familyOf(kept)]).toEqual([true, true, false]);
});

test("updated_at tells of what people see, and of nothing else", async () => {
  const { tenant, owner: first, member } = await staff({ plan: "team" });
  const ago = sql`now() - interval '1 day'`;
  const old = async (table: string) =>
    await ownerRows(sql`update ${sql.identifier(table)} set created_at = ${ago} where tenant_id = ${uuid(tenant)}`);
  await old("memberships");
  await ownerRows(sql`update tenants set created_at = ${ago} where id = ${uuid(tenant)}`);
  await ownerRows(sql`update people set created_at = ${ago} where id = ${uuidFromId("person", member.id)}`);
  const changed = ({ created_at, updated_at }: { created_at: number; updated_at: number }) => updated_at - created_at;
  const user = async () =>
    (await ask(first, "GET", "team/users")).body.find(({ id }: { id: string }) => id === member.id);
  expect([changed(await user()), changed((await ask(first, "GET", "team")).body)]).toEqual([0, 0]);
  expect(changed((await ask(member, "GET", "user")).body)).toBe(0);
  // Bookkeeping.
  await ownerRows(sql`update tenants set gate_emptied_at = null where id = ${uuid(tenant)}`);
  await ownerRows(sql`update people set email_verified = false where id = ${uuidFromId("person", member.id)}`);
  expect([changed((await ask(first, "GET", "team")).body), changed((await ask(member, "GET", "user")).body)]).toEqual([
    0, 0,
  ]);
  await ask(first, "PATCH", `members/${member.memberId}`, { use_seat: false });
  await ask(first, "PATCH", `tenants/${tenant.id}`, { name: "Renamed" });
  await ownerRows(sql`update people set name = 'Else' where id = ${uuidFromId("person", member.id)}`);
  const day = expect.toSatisfy((s: number) => s >= 86_400 && s < 86_500);
  expect(changed(await user())).toEqual(day);
  expect(changed((await ask(first, "GET", "team")).body)).toEqual(day);
  expect(changed((await ask(member, "GET", "user")).body)).toEqual(day);
  const { body } = await ask(first, "GET", `members/${first.memberId}`);
  expect(body.updated_at).toBe(body.since);
});

test("GET /api/v1/user takes a person's access token on an instance, as long as the sign-in lives and names its scope", async () => {
  const { tenant, member } = await staff();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const { familyId } = await signInOn({ tenant, person: member, instanceId: instance });
  const sign = (more: object = {}) => signUserFor(tenant, instance, { personId: member.id, familyId, ...more });
  const token = await sign();
  const answer = await ask(token, "GET", "user");
  expect([answer.status, answer.body]).toEqual([
    200,
    {
      object: "user",
      kind: "access-token",
      id: member.id,
      name: "Somebody",
      email: member.email,
      ...AT,
      person_id: member.id,
      credential_id: null,
      tenant_id: tenant.id,
      role: "member",
      permissions: null,
      memberships: null,
    },
  ]);
  expect(answer.headers.get("ratelimit-policy")).toContain("account");
  expect(said(await ask(await sign({ scope: "assistant" }), "GET", "user"))).toEqual([403, "insufficient-scope"]);
  // Genuine, but of a sign-in that is not this person's, of another tenant, or that never was.
  const other = await personIn(tenant, "member");
  const beside = await testTenant();
  const wrong = [
    await sign({ personId: other.id }),
    await sign({ tenantId: beside.id }),
    await sign({ familyId: newId("tokenFamily", Date.now()) }),
  ];
  for (const bad of wrong) expect(said(await ask(bad, "GET", "user"))).toEqual([401, "sign-in-ended"]);
  // No other account route takes it.
  for (const path of ["team", "workspaces", "keys", "user/sessions"]) {
    expect(said(await ask(token, "GET", path))).toEqual([401, "unauthenticated"]);
  }
  await ownerRows(
    sql`update memberships set removed_at = now() where id = ${uuidFromId("membership", member.memberId)}`,
  );
  expect(said(await ask(token, "GET", "user"))).toEqual([401, "sign-in-ended"]);
  await ownerRows(
    sql`update memberships set removed_at = null, expires_at = 'infinity' where id = ${uuidFromId("membership", member.memberId)}`,
  );
  expect((await ask(token, "GET", "user")).status).toBe(200);
  await ownerRows(sql`update token_families set ended_at = now() where id = ${uuidFromId("tokenFamily", familyId)}`);
  expect(said(await ask(token, "GET", "user"))).toEqual([401, "sign-in-ended"]);
});
