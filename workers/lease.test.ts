import { sql } from "drizzle-orm";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { DAY_MS } from "../src/core/clock.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import type { Plan } from "../src/limits/plans.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, manyInstances, ORIGIN, signFor, signUserFor, tellGate } from "../src/testing/instance.ts";
import { personIn } from "../src/testing/people.ts";
import { signInOn, type WantedSignIn } from "../src/testing/sign-ins.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** Offline leases over HTTP, and how long a tenant lets them be. */

interface Scene {
  tenant: TestTenant;
  instance: Id<"instance">;
  person: { id: Id<"person">; memberId: Id<"membership"> };
  family: Id<"tokenFamily">;
  token: string;
}

async function scene({
  plan = "team" as Plan,
  scope = "profile:read offline",
  signIn = {} as WantedSignIn,
} = {}): Promise<Scene> {
  const tenant = await testTenant({ plan });
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const person = await personIn(tenant, "member");
  const family = await signInOn(tenant, instance, person.id, { scope, ...signIn });
  const token = await signUserFor(tenant, instance, { personId: person.id, familyId: family, scope });
  return { tenant, instance, person, family, token };
}

interface Lease {
  lease: string;
  expires_at: number;
  offline_days: number;
  error: string;
}

async function lease(token: string) {
  const response = await call("/instance/user/lease", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: await response.json<Lease>(), headers: response.headers };
}

async function setDays(tenant: TestTenant, days: unknown) {
  const response = await call(`/api/v1/tenants/${tenant.id}/offline-lease`, {
    method: "PUT",
    headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ days }),
  });
  return { status: response.status, body: await response.json() };
}

/** As an instance does it: with what is published and nothing else. */
async function claimsOf(text: string) {
  const jwks = await (await call("/.well-known/jwks.json")).json<Parameters<typeof createLocalJWKSet>[0]>();
  const options = { issuer: ORIGIN, typ: "offline-lease+jwt", algorithms: ["EdDSA"] };
  return (await jwtVerify(text, createLocalJWKSet(jwks), options)).payload;
}

const inDays = (days: number) => expect.closeTo((Date.now() + days * DAY_MS) / 1000, -1);

test("a lease is for seven days, for this client, and says who, where and on which plan", async () => {
  const { tenant, instance, person, token } = await scene();
  const { status, body, headers } = await lease(token);
  expect([status, body]).toEqual([200, { lease: expect.any(String), expires_at: inDays(7), offline_days: 7 }]);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("ratelimit")).not.toBeNull();
  const claims = await claimsOf(body.lease);
  expect(claims).toEqual({
    iss: ORIGIN,
    aud: uuidFromId("instance", instance),
    sub: person.id,
    instance,
    tenant: tenant.id,
    workspace: tenant.workspaceId,
    plan: "team",
    entitlements: ["assistant"],
    iat: inDays(0),
    nbf: claims.iat,
    exp: body.expires_at,
  });
});

test("a lease is no credential: not as an instance, not as a person, not for the account", async () => {
  const { body } = await lease((await scene()).token);
  for (const [method, path] of [
    ["POST", "/instance/alive"],
    ["POST", "/instance/user/lease"],
    ["GET", "/api/v1/user"],
  ] as const) {
    const answer = await call(path, { method, headers: { authorization: `Bearer ${body.lease}` } });
    expect([path, answer.status]).toEqual([path, 401]);
  }
});

test("the tenant says for how many days, at once and for new leases alone; with none there are none", async () => {
  const { tenant, token } = await scene({ plan: "free" });
  const show = async () => {
    const headers = { authorization: `Bearer ${tenant.apiKey}` };
    return (await (await call(`/api/v1/tenants/${tenant.id}`, { headers })).json<Record<string, unknown>>())[
      "offline_lease_days"
    ];
  };
  expect(await show()).toBe(7);
  const first = await lease(token);
  expect(await setDays(tenant, 30)).toEqual({
    status: 200,
    body: { object: "tenant", id: tenant.id, offline_lease_days: 30 },
  });
  expect((await lease(token)).body).toMatchObject({ expires_at: inDays(30), offline_days: 30 });
  expect(await show()).toBe(30);
  await setDays(tenant, 1);
  const short = await lease(token);
  expect(short.body).toMatchObject({ expires_at: inDays(1), offline_days: 1 });
  expect(await claimsOf(short.body.lease)).toMatchObject({ plan: "free", entitlements: [] });
  await setDays(tenant, 0);
  const none = await lease(token);
  expect([none.status, none.body.error]).toEqual([403, "offline-lease-off"]);
  // What was given stays good: nobody is asked.
  expect((await claimsOf(first.body.lease)).exp).toBe(first.body.expires_at);
  for (const days of [31, -1, 1.5, "7", null]) expect((await setDays(tenant, days)).status).toBe(400);
});

test("no lease is longer than the sign-in could last", async () => {
  const renewedAt = Date.now() - 88 * DAY_MS;
  const { token } = await scene({ signIn: { renewedAt, startedAt: renewedAt } });
  expect((await lease(token)).body).toMatchObject({ expires_at: inDays(2), offline_days: 7 });
});

test("where the plan that it states ends, a lease ends; and one whose end has come is stated no more", async () => {
  const { tenant, token } = await scene({ plan: "enterprise" });
  const endsIn = (days: number | null) =>
    ownerRows(sql`update subscriptions set ends_at = ${days === null ? null : new Date(Date.now() + days * DAY_MS).toISOString()}
      where tenant_id = ${uuidFromId("tenant", tenant.id)} and status = 'active'`);
  const enterprise = { plan: "enterprise", entitlements: ["assistant", "own-retention"] };
  await endsIn(1);
  const { body } = await lease(token);
  expect(body).toMatchObject({ expires_at: inDays(1), offline_days: 7 });
  expect(await claimsOf(body.lease)).toMatchObject({ ...enterprise, exp: body.expires_at });
  // An end beyond the lease, and none at all, shorten nothing.
  for (const days of [8, null]) {
    await endsIn(days);
    const { body: whole } = await lease(token);
    expect(whole).toMatchObject({ expires_at: inDays(7), offline_days: 7 });
    expect(await claimsOf(whole.lease)).toMatchObject(enterprise);
  }
  // Between its end and the job that puts the tenant on the free plan: not an expired lease, but one that says what holds.
  await endsIn(-0.01);
  const { body: after } = await lease(token);
  expect(after).toMatchObject({ expires_at: inDays(7), offline_days: 7 });
  expect(await claimsOf(after.lease)).toMatchObject({ plan: "free", entitlements: [] });
});

test("whose scope, sign-in, instance, membership or tenant is not what it was gets none, and hears why", async () => {
  const ends: [change: (at: Scene) => Promise<unknown>, status: number, problem: string][] = [
    [
      ({ family }) =>
        ownerRows(sql`update token_families set ended_at = now() where id = ${uuidFromId("tokenFamily", family)}`),
      401,
      "sign-in-ended",
    ],
    [
      ({ person }) =>
        ownerRows(
          sql`update memberships set removed_at = now() where id = ${uuidFromId("membership", person.memberId)}`,
        ),
      401,
      "sign-in-ended",
    ],
    [
      ({ instance }) =>
        ownerRows(sql`update instances set revoked_at = now() where id = ${uuidFromId("instance", instance)}`),
      401,
      "token-revoked",
    ],
    [
      ({ instance }) =>
        ownerRows(sql`update instances set removed_at = now() where id = ${uuidFromId("instance", instance)}`),
      401,
      "instance-deleted",
    ],
    [
      ({ tenant }) =>
        ownerRows(sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", tenant.id)}`),
      403,
      "tenant-suspended",
    ],
    [
      ({ tenant }) =>
        ownerRows(sql`update tenants set closed_at = now() where id = ${uuidFromId("tenant", tenant.id)}`),
      403,
      "tenant-closed",
    ],
    // The gate is asked first.
    [({ tenant }) => tellGate(tenant, { status: "suspended" }), 403, "tenant-suspended"],
  ];
  for (const [change, status, problem] of ends) {
    const at = await scene();
    expect((await lease(at.token)).status).toBe(200);
    await change(at);
    const { status: got, body } = await lease(at.token);
    expect([got, body.error]).toEqual([status, problem]);
  }
  const unscoped = await scene({ scope: "profile:read assistant" });
  expect((await lease(unscoped.token)).body.error).toBe("insufficient-scope");
  // An instance is nobody, and a stranger's sign-in is not one's own.
  const { tenant, instance, family } = await scene();
  expect((await lease(await signFor(tenant, instance))).status).toBe(401);
  const stranger = await signUserFor(tenant, instance, {
    familyId: family,
    personId: newId("person", 0),
    scope: "offline",
  });
  expect((await lease(stranger)).body.error).toBe("sign-in-ended");
});

test("an instance that was removed over REST gives its people no lease from then on", async () => {
  const { tenant, instance, token } = await scene();
  const removed = await call(`/api/v1/instances/${instance}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${tenant.apiKey}` },
  });
  expect(removed.status).toBe(200);
  expect((await lease(token)).body.error).toBe("instance-deleted");
});

test("without Postgres there is no lease, and the caller is told when to come back", async () => {
  const { token } = await scene();
  const { status, headers } = await withoutPostgres(() => lease(token));
  expect(status).toBe(503);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await lease(token)).status).toBe(200);
});
