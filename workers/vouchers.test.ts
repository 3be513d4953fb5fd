import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { hashSecret } from "../src/access/secret.ts";
import { toHex } from "../src/core/bytes.ts";
import { type Id, uuidFromId } from "../src/core/id.ts";
import { endSubscriptions } from "../src/jobs/end-subscriptions.ts";
import { askAs as ask, said } from "../src/testing/account-call.ts";
import { manyInstances, signUserFor } from "../src/testing/instance.ts";
import { signInOn } from "../src/testing/member-sign-ins.ts";
import { personIn } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** Vouchers: made by the platform, claimed once, and over when their months are. */

const CODE = /^EBB(-[0-9A-HJKMNP-TV-Z]{5}){4}$/;
const CLAIMS = "user/billing/voucher-claims";
const uuid = (tenant: Pick<TestTenant, "id">) => uuidFromId("tenant", tenant.id);

async function scene() {
  const platform = await testTenant({ kind: "platform" });
  const direct = (plan: "free" | "team" | "enterprise" = "free") => testTenant({ parent: platform, plan });
  const make = async (wanted: object = {}) => {
    const { status, body } = await ask(platform, "POST", "vouchers", { name: "v", plan: "team", ...wanted });
    if (status !== 201) throw new Error(`voucher: ${status}`);
    return body as { id: Id<"voucher">; code: string };
  };
  return { platform, direct, make };
}

const claim = (caller: Parameters<typeof ask>[0], code: string, more: Record<string, string> = {}) =>
  ask(caller, "POST", CLAIMS, { code }, more);
const subscription = async (tenant: TestTenant) => (await ask(tenant, "GET", "team/subscription")).body;
const subscriptions = async (tenant: TestTenant) =>
  (await ask(tenant, "GET", `tenants/${tenant.id}/subscription`)).body.data as Record<string, unknown>[];

test("a voucher's code is shown once, and its hash alone is kept", async () => {
  const { platform, make } = await scene();
  const once = { "idempotency-key": "one-voucher" };
  const wanted = { name: "Conference", plan: "enterprise", seats: 10, months: 12 };
  const made = await ask(platform, "POST", "vouchers", wanted, once);
  const shown = {
    object: "voucher",
    id: expect.stringMatching(/^vch_/),
    ...wanted,
    created_at: expect.any(Number),
    valid_until: expect.any(Number),
    claimed_at: null,
    claimed_tenant_id: null,
    revoked_at: null,
  };
  expect([made.status, made.body]).toEqual([201, { ...shown, code: expect.stringMatching(CODE) }]);
  expect(made.body.valid_until - made.body.created_at).toBe(365 * 86_400);
  const repeat = await ask(platform, "POST", "vouchers", wanted, once);
  expect([repeat.status, repeat.headers.get("idempotency-replayed"), repeat.body.code]).toEqual([201, "true", null]);
  await make();
  const { body } = await ask(platform, "GET", "vouchers?limit=1");
  const [newest] = body.data;
  expect([newest.name, Object.hasOwn(newest, "code"), body.next_cursor]).toEqual(["v", false, newest.id]);
  const rest = (await ask(platform, "GET", `vouchers?cursor=${body.next_cursor}`)).body;
  expect([rest.data, rest.next_cursor]).toEqual([[shown], null]);
  const letters = made.body.code.replace(/^EBB/, "").replaceAll("-", "");
  const kept = await ownerRows<{ all: string }>(sql`
    select (select json_agg(v)::text from vouchers v where tenant_id = ${uuid(platform)})
        || (select json_agg(r)::text from idempotency_records r where tenant_id = ${uuid(platform)})
        || (select json_agg(a)::text from audit_entries a where tenant_id = ${uuid(platform)}) as all`);
  const all = kept[0]?.all ?? "";
  expect(all).toContain(toHex(await hashSecret(letters)));
  for (const secret of [made.body.code, letters, letters.slice(0, 10)]) expect(all).not.toContain(secret);
});

test("codes are all different, and a bad wish is refused by field", async () => {
  const { platform, make } = await scene();
  const codes = await Promise.all(Array.from({ length: 5 }, () => make().then(({ code }) => code)));
  expect(new Set(codes).size).toBe(5);
  for (const [field, value] of [
    ["plan", "free"],
    ["seats", 0],
    ["months", 121],
    ["months", 0.5],
    ["valid_until", 1],
    ["name", ""],
  ] as const) {
    const { body } = await ask(platform, "POST", "vouchers", { name: "v", plan: "team", [field]: value });
    expect([field, body.error, body.errors?.[0]?.path]).toEqual([field, "invalid-field", field]);
  }
});

test("vouchers are for the platform's own keys alone", async () => {
  const { platform, make } = await scene();
  const reseller = await testTenant({ kind: "reseller", parent: platform });
  const client = await testTenant({ kind: "client", parent: reseller });
  const { id } = await make();
  for (const [method, path, body] of [
    ["GET", "vouchers", undefined],
    ["POST", "vouchers", { name: "v", plan: "enterprise" }],
    ["DELETE", `vouchers/${id}`, undefined],
  ] as const) {
    for (const tenant of [reseller, client, await testTenant()]) {
      expect([method, ...said(await ask(tenant, method, path, body))]).toEqual([method, 403, "forbidden"]);
    }
    const below = `${path}?tenant_id=${reseller.id}`;
    expect([method, ...said(await ask(platform, method, below, body))]).toEqual([method, 403, "forbidden"]);
    expect(said(await ask(await personIn(platform, "member"), method, path, body))).toEqual([403, "forbidden"]);
  }
  expect((await ask(await personIn(platform, "operator"), "GET", "vouchers")).status).toBe(200);
  expect((await ask(platform, "GET", "vouchers")).body.data).toMatchObject([{ id, revoked_at: null }]);
});

test("a claim puts the tenant on the plan at once, with seats and an end, and its gate hears of it", async () => {
  const { platform, direct, make } = await scene();
  const tenant = await direct();
  const [first, member] = [await personIn(tenant, "owner"), await personIn(tenant, "member")];
  const { id, code } = await make({ seats: 5, months: 12 });
  expect(said(await claim(member, code))).toEqual([403, "forbidden"]);
  const typed = ` ${code.toLowerCase().replaceAll("-", " ").replaceAll("0", "o")} `;
  const claimed = await claim(first, typed, { "idempotency-key": "a-claim" });
  expect([claimed.status, claimed.text]).toEqual([204, ""]);
  expect(await subscription(tenant)).toMatchObject({
    plan: { id: "team" },
    seats: 5,
    seats_used: 2,
    ends_at: expect.any(Number),
  });
  const shown = await subscriptions(tenant);
  expect(shown.map(({ plan, status }) => [plan, status])).toEqual([
    ["free", "ended"],
    ["team", "active"],
  ]);
  const delivered = await ownerRows<{ plan: string; taken: boolean }>(sql`
    select message->>'plan' as plan, delivered_at is not null as taken from outbox
     where tenant_id = ${uuid(tenant)} and message->>'kind' = 'tenant' order by id desc limit 1`);
  expect(delivered).toEqual([{ plan: "team", taken: true }]);
  expect((await ask(platform, "GET", "vouchers")).body.data).toMatchObject([
    { id, claimed_tenant_id: tenant.id, claimed_at: expect.any(Number) },
  ]);
  const [entry] = (await ask(first, "GET", "audit?limit=1")).body.data;
  expect([entry.action, entry.subject, entry.actor_id, entry.detail]).toEqual([
    "voucher.claimed",
    id,
    first.id,
    { plan: "team", seats: 5 },
  ]);
  // A lost answer: the same request is answered the same, and a new one hears that it is so already.
  expect((await claim(first, typed, { "idempotency-key": "a-claim" })).status).toBe(204);
  expect(said(await claim(first, code))).toEqual([409, "already-subscribed"]);
  expect(await subscriptions(tenant)).toHaveLength(2);
});

test("what is no voucher, was claimed, revoked or has ended, is for another platform, or gives no more", async () => {
  const { platform, direct, make } = await scene();
  const [free, team, enterprise] = [await direct(), await direct("team"), await direct("enterprise")];
  const { code } = await make({ plan: "team" });
  const invalid = [400, "invalid-voucher"];
  for (const text of ["", "x", "EBB-00000-00000-00000-00000", `${code}0`, code.slice(1), `X${code}`, "U".repeat(20)]) {
    expect([text, ...said(await claim(free, text))]).toEqual([text, ...invalid]);
  }
  for (const text of ["a".repeat(101), "a\u0000b", 1, null]) {
    expect(said(await ask(free, "POST", CLAIMS, { code: text }))).toEqual([400, "invalid-field"]);
  }
  for (const tenant of [team, enterprise, platform]) {
    expect(said(await claim(tenant, code))).toEqual(
      tenant === platform ? [403, "forbidden"] : [409, "already-subscribed"],
    );
  }
  // Of another platform it is nobody's.
  expect(said(await claim(await testTenant({ plan: "free" }), code))).toEqual(invalid);
  // What a reseller's client is on its reseller decides; and a reseller is above others.
  const reseller = await testTenant({ kind: "reseller", parent: platform, plan: "free" });
  const client = await testTenant({ kind: "client", parent: reseller, plan: "free" });
  for (const tenant of [reseller, client]) expect(said(await claim(tenant, code))).toEqual([403, "forbidden"]);
  // Fewer seats than are taken.
  const small = await make({ plan: "enterprise", seats: 1 });
  for (let n = 0; n < 2; n++) await personIn(team, "member");
  expect(said(await claim(team, small.code))).toEqual([409, "no-seat-left"]);
  expect((await subscription(team)).plan.id).toBe("team");
  const late = await make();
  await ownerRows(
    sql`update vouchers set valid_until = now() - interval '1 second' where id = ${uuidFromId("voucher", late.id)}`,
  );
  expect(said(await claim(free, late.code))).toEqual(invalid);
  const revoked = await make();
  expect((await ask(platform, "DELETE", `vouchers/${revoked.id}`)).body).toEqual({
    object: "voucher",
    id: revoked.id,
    deleted: true,
  });
  expect(said(await ask(platform, "DELETE", `vouchers/${revoked.id}`))).toEqual([404, "not-found"]);
  expect(said(await claim(free, revoked.code))).toEqual(invalid);
  // All of that has spent nothing; whoever comes second is told nothing of the first.
  expect((await claim(free, code)).status).toBe(204);
  expect(said(await claim(await direct(), code))).toEqual(invalid);
  const { id } = (await ask(platform, "GET", "vouchers")).body.data.find(
    (voucher: { claimed_at: number | null }) => voucher.claimed_at !== null,
  );
  expect(said(await ask(platform, "DELETE", `vouchers/${id}`))).toEqual([409, "conflict"]);
});

test("of those who claim one voucher at once exactly one gets it; and one tenant gets it once", async () => {
  const { direct, make } = await scene();
  const { code } = await make();
  const tenants = await Promise.all(Array.from({ length: 5 }, () => direct()));
  const answers = await Promise.all(tenants.map((tenant) => claim(tenant, code)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 400, 400, 400, 400]);
  const plans = await Promise.all(tenants.map(async (tenant) => (await subscription(tenant)).plan.id));
  expect(plans.toSorted()).toEqual(["free", "free", "free", "free", "team"]);
  const own = await direct();
  const mine = await make();
  const twice = await Promise.all([claim(own, mine.code), claim(own, mine.code), claim(own, mine.code)]);
  expect(twice.map(({ status }) => status).toSorted()).toEqual([204, 409, 409]);
  expect(await subscriptions(own)).toHaveLength(2);
});

test("a claim and a revocation at once: one of them wins, and the other says so", async () => {
  const { platform, direct, make } = await scene();
  const { id, code } = await make();
  const tenant = await direct();
  const [claimed, revoked] = await Promise.all([claim(tenant, code), ask(platform, "DELETE", `vouchers/${id}`)]);
  const outcome = [claimed.status, revoked.status, (await subscription(tenant)).plan.id];
  expect([
    [204, 409, "team"],
    [400, 200, "free"],
  ]).toContainEqual(outcome);
});

test("a person's access token claims for the tenant whose instance it is, as far as scope and role allow", async () => {
  const { direct, make } = await scene();
  const [tenant, beside] = [await direct(), await direct()];
  const [first, member] = [await personIn(tenant, "owner"), await personIn(tenant, "member")];
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const scope = "profile:read billing:write";
  const signedIn = async (person: typeof first, granted = scope, claimed = scope) => {
    const { familyId } = await signInOn({ tenant, person, instanceId: instance, scope: granted });
    return { familyId, token: await signUserFor(tenant, instance, { personId: person.id, familyId, scope: claimed }) };
  };
  const { id, code } = await make({ seats: 3 });
  const own = await signedIn(first);
  expect(said(await claim((await signedIn(first, scope, "profile:read")).token, code))).toEqual([
    403,
    "insufficient-scope",
  ]);
  expect(said(await claim((await signedIn(first, "profile:read")).token, code))).toEqual([403, "forbidden"]);
  expect(said(await claim((await signedIn(member)).token, code))).toEqual([403, "forbidden"]);
  const gone = await signedIn(first);
  await ownerRows(
    sql`update token_families set ended_at = now() where id = ${uuidFromId("tokenFamily", gone.familyId)}`,
  );
  expect(said(await claim(gone.token, code))).toEqual([401, "sign-in-ended"]);
  const elsewhere = `${CLAIMS}?tenant_id=${beside.id}`;
  expect(said(await ask(own.token, "POST", elsewhere, { code }))).toEqual([404, "not-found"]);
  expect(said(await claim(own.token, "no code"))).toEqual([400, "invalid-voucher"]);
  expect((await subscription(tenant)).plan.id).toBe("free");
  const claimed = await claim(own.token, code);
  expect([claimed.status, claimed.headers.get("ratelimit-policy")]).toEqual([204, expect.stringContaining("account")]);
  expect(await subscription(tenant)).toMatchObject({ plan: { id: "team" }, seats: 3, seats_used: 2 });
  expect(said(await claim(own.token, code))).toEqual([409, "already-subscribed"]);
  const [entry] = (await ask(first, "GET", "audit?limit=1")).body.data;
  expect([entry.action, entry.subject, entry.actor_kind, entry.actor_id]).toEqual([
    "voucher.claimed",
    id,
    "person",
    first.id,
  ]);
  const [told] = await ownerRows<{ plan: string; taken: boolean }>(sql`
    select message->>'plan' as plan, delivered_at is not null as taken from outbox
     where tenant_id = ${uuid(tenant)} and message->>'kind' = 'tenant' order by id desc limit 1`);
  expect(told).toEqual({ plan: "team", taken: true });
});

test("when its time has come a tenant is on the free plan again, loses nothing, and is told why", async () => {
  const { direct, make } = await scene();
  const [due, running] = [await direct(), await direct()];
  for (const tenant of [due, running]) {
    expect((await claim(tenant, (await make({ months: 1, seats: 2 })).code)).status).toBe(204);
  }
  await ownerRows(
    sql`update subscriptions set ends_at = now() - interval '1 second' where tenant_id = ${uuid(due)} and status = 'active'`,
  );
  const deps = await createDeps(env);
  const report = await endSubscriptions(deps);
  expect(report.failed).toBe(false);
  expect(report.ended).toBeGreaterThanOrEqual(1);
  expect(await subscription(due)).toMatchObject({ plan: { id: "free" }, seats: 2_147_483_647, ends_at: null });
  expect(await subscription(running)).toMatchObject({ plan: { id: "team" }, seats: 2 });
  const [ended] = await ownerRows(sql`select subscription_ended_at from tenants where id = ${uuid(due)}`);
  expect(ended).toEqual({ subscription_ended_at: null });
  const [entry] = (await ask(due, "GET", "audit?limit=1")).body.data;
  expect([entry.action, entry.actor_kind, entry.actor_id, entry.detail]).toEqual([
    "subscription.expired",
    "job",
    "job",
    { from: "team", to: "free" },
  ]);
  const [told] = await ownerRows<{ plan: string; taken: boolean }>(sql`
    select message->>'plan' as plan, delivered_at is not null as taken from outbox
     where tenant_id = ${uuid(due)} and message->>'kind' = 'tenant' order by id desc limit 1`);
  expect(told).toEqual({ plan: "free", taken: true });
  const before = await subscriptions(due);
  await endSubscriptions(deps);
  expect(await subscriptions(due)).toEqual(before);
  // And what cannot be done is said, not thrown.
  const broken = { ...deps, jobs: { ...deps.jobs, query: () => Promise.reject(new Error("connection lost")) } };
  expect(await endSubscriptions(broken as never)).toEqual({ ended: 0, failed: true });
});
