import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { toHex } from "../src/core/bytes.ts";
import type { GateMessage, RevokedReason, RevokedSubject } from "../src/core/gate-message.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { deliverOutbox } from "../src/gate/outbox.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { endSignIn } from "../src/sign-ins/end.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { statementsDuring, withoutPostgres } from "../src/testing/faults.ts";
import {
  call,
  gateOf,
  manyInstances,
  ping,
  postForm,
  postJson,
  signFor,
  signUserFor,
  tellGate,
} from "../src/testing/instance.ts";
import { codeRequest } from "../src/testing/oauth-scene.ts";
import { ALL_GRANTS, type OAuthClient, type Pending, proof, REDIRECT_URI } from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders, type TestPerson, type WantedPerson } from "../src/testing/people.ts";
import { signInOn } from "../src/testing/sign-ins.ts";
import { storedInGates, storedInPostgres } from "../src/testing/stored.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

interface Scene {
  tenant: TestTenant;
  instance: Id<"instance">;
  person: TestPerson;
  familyId: Id<"tokenFamily">;
  token: string;
  instanceToken: string;
}

async function scene(wanted: WantedPerson = {}, plan: "free" | "team" | "enterprise" = "team"): Promise<Scene> {
  const tenant = await testTenant({ plan });
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const person = await personIn(tenant, "member", wanted);
  const familyId = await signInOn(tenant, instance, person.id);
  await tellGate(tenant, { plan });
  const token = await signUserFor(tenant, instance, { personId: person.id, familyId });
  return { tenant, instance, person, familyId, token, instanceToken: await signFor(tenant, instance) };
}

const ask = (path: string, token: string, method = "GET", headers: Record<string, string> = {}) =>
  call(path, { method, headers: { ...headers, authorization: `Bearer ${token}` } });
const answered = async (response: Response): Promise<[number, unknown]> => {
  const body = await response.json<{ error?: string }>();
  return [response.status, body.error ?? body];
};
const session = (token: string) => ask("/instance/user/session", token);
const profile = (token: string) => ask("/instance/user/profile", token);
const logOut = (token: string) => ask("/instance/user/session/revoke", token, "POST");

let news = 50_000;
const deliver = async (tenant: TestTenant, message: GateMessage) => {
  const messages = [{ id: news++, message }];
  expect(await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages })).toHaveLength(1);
};
const revoke = (tenant: TestTenant, subject: RevokedSubject, reason: RevokedReason) =>
  deliver(tenant, { kind: "revoked", subject, reason, issuedBeforeMs: null, untilMs: Date.now() + 3_600_000 });

test("an instance learns whose it is without Postgres, and in which workspace with it", async () => {
  const { tenant, instanceToken } = await scene();
  await withoutPostgres(async () => {
    expect(await answered(await ask("/instance/owner", instanceToken))).toEqual([200, { id: tenant.id, kind: "team" }]);
    const [status, problem] = await answered(await ask("/instance/workspace", instanceToken));
    expect([status, problem]).toEqual([503, "unavailable"]);
  });
  await ownerRows(sql`update workspaces set generation = 7 where id = ${uuidFromId("workspace", tenant.workspaceId)}`);
  const response = await ask("/instance/workspace", instanceToken);
  expect(response.headers.get("ratelimit-policy")).toContain('"profile-instance"');
  expect(await answered(response)).toEqual([200, { id: tenant.workspaceId, name: "Default", generation: 7 }]);
});

test("the workspace of an instance that was removed or revoked is nobody's, also while its gate knows nothing of it", async () => {
  for (const column of ["removed_at", "revoked_at"]) {
    const { instance, instanceToken } = await scene();
    await ownerRows(sql.raw(`update instances set ${column} = now() where id = '${uuidFromId("instance", instance)}'`));
    expect(await answered(await ask("/instance/workspace", instanceToken))).toEqual([401, "token-revoked"]);
  }
  const [{ tenant }, { instance }] = [await scene(), await scene()];
  expect(await answered(await ask("/instance/workspace", await signFor(tenant, instance)))).toEqual([
    401,
    "token-revoked",
  ]);
});

test("a session is what its token says, one call to the gate and no Postgres", async () => {
  const { tenant, instance, person } = await scene();
  const familyId = newId("tokenFamily", Date.now());
  const signedInAtMs = Math.floor(Date.now() / 1000) * 1000 - 86_400_000;
  const wanted = { personId: person.id, familyId, generation: 3, signedInAtMs, scope: "profile:read assistant" };
  const token = await signUserFor(tenant, instance, wanted);
  const response = await withoutPostgres(() => session(token));
  const [status, body] = [response.status, await response.json<Record<string, string>>()];
  expect([status, body]).toEqual([
    200,
    {
      id: familyId,
      client_id: "ebbc_test",
      user_id: person.id,
      workspace_id: tenant.workspaceId,
      generation: 3,
      scopes: ["profile:read", "assistant"],
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      created_at: new Date(signedInAtMs).toISOString(),
    },
  ]);
  const left = Date.parse(body["expires_at"] as string) - Date.now();
  expect(left).toBeGreaterThan(7 * 86_400_000 - 60_000);
  expect(left).toBeLessThanOrEqual(7 * 86_400_000);
  expect(response.headers.get("ratelimit-policy")).toContain('"session-instance";q=120');
});

test.each([
  [
    { name: "Grace", email: "grace@acme.example" },
    { name: "Grace", email: "grace@acme.example" },
  ],
  [
    { name: null, email: "grace@acme.example" },
    { name: "grace@acme.example", email: "grace@acme.example" },
  ],
])("a profile shows the person and the plan: %o", async (wanted, identity) => {
  const expected = { free: [], team: ["assistant"], enterprise: ["assistant", "own-retention"] } as const;
  for (const plan of ["free", "team", "enterprise"] as const) {
    const { person, token } = await scene(wanted, plan);
    expect(await answered(await profile(token))).toEqual([
      200,
      {
        id: person.id,
        identity,
        subscription: { plan: { name: plan }, entitlements: expected[plan].map((name) => ({ name })) },
      },
    ]);
  }
});

test("who has told neither name nor address has empty ones: the contract has strings", async () => {
  const { person, token } = await scene();
  await ownerRows(sql`update people set name = null, email = null where id = ${uuidFromId("person", person.id)}`);
  expect(await answered(await profile(token))).toEqual([
    200,
    expect.objectContaining({ identity: { name: "", email: "" } }),
  ]);
});

test("a profile ends with the sign-in, the membership and the person, also where the gate has not heard", async () => {
  const id = (person: TestPerson) => uuidFromId("person", person.id);
  const endings = [
    (s: Scene) => sql`update token_families set ended_at = now() where id = ${uuidFromId("tokenFamily", s.familyId)}`,
    (s: Scene) =>
      sql`update token_families set renewed_at = now() - interval '91 days' where id = ${uuidFromId("tokenFamily", s.familyId)}`,
    (s: Scene) => sql`update memberships set removed_at = now() where person_id = ${id(s.person)}`,
  ];
  for (const ending of endings) {
    const made = await scene();
    expect((await profile(made.token)).status).toBe(200);
    await ownerRows(ending(made));
    expect(await answered(await profile(made.token))).toEqual([401, "sign-in-ended"]);
  }
  // A sign-in of somebody else, and one in another tenant, are no sign-in of this person's here.
  const [made, other] = [await scene(), await scene()];
  for (const familyId of [other.familyId, newId("tokenFamily", Date.now())]) {
    const token = await signUserFor(made.tenant, made.instance, { personId: made.person.id, familyId });
    expect(await answered(await profile(token))).toEqual([401, "sign-in-ended"]);
  }
});

test("every refusal says why: to each of these routes, before anything is looked up or recorded", async () => {
  const refusals: [(s: Scene) => Promise<void>, number, string][] = [
    [
      ({ tenant, familyId }) => revoke(tenant, { kind: "session", id: familyId }, "sign-in-ended"),
      401,
      "sign-in-ended",
    ],
    [
      ({ tenant, instance }) =>
        deliver(tenant, {
          kind: "instance-removed",
          instanceId: instance,
          clientId: "ebbc_x",
          removedAtMs: Date.now(),
        }),
      401,
      "instance-deleted",
    ],
    [
      ({ tenant, instance }) =>
        deliver(tenant, { kind: "client-revoked", instanceId: instance, clientId: "ebbc_x", revokedAtMs: Date.now() }),
      401,
      "token-revoked",
    ],
    [({ tenant, person }) => revoke(tenant, { kind: "person", id: person.id }, "token-revoked"), 401, "token-revoked"],
    [
      ({ tenant, person }) => {
        const untilMs = Date.now() + 3_600_000;
        return deliver(tenant, { kind: "generation", personId: person.id, generation: 2, untilMs });
      },
      401,
      "token-outdated",
    ],
    [({ tenant }) => tellGate(tenant, { status: "suspended" }), 403, "tenant-suspended"],
  ];
  for (const [happens, status, problem] of refusals) {
    const made = await scene();
    await happens(made);
    await evictDurableObject(gateOf(made.tenant));
    expect(await answered(await session(made.token))).toEqual([status, problem]);
    expect(await answered(await profile(made.token))).toEqual([status, problem]);
    const journal = await runInDurableObject(gateOf(made.tenant), (_, { storage }) =>
      storage.sql.exec("select * from journal").toArray(),
    );
    expect(journal).toEqual([]);
    const wayOut = await answered(await logOut(made.token));
    // Who is out already is out; who may do less, or more, may still go.
    const goes = problem === "sign-in-ended" || problem === "token-outdated";
    expect(wayOut, problem).toEqual(goes ? [200, expect.objectContaining({ ended: true })] : [status, problem]);
  }
});

test("the instance's own routes are refused for the same reasons; a suspended tenant's pings are not", async () => {
  const { tenant, instance, instanceToken } = await scene();
  const both = async () => [
    await answered(await ask("/instance/owner", instanceToken)),
    await answered(await ask("/instance/workspace", instanceToken)),
  ];
  await tellGate(tenant, { status: "suspended" });
  expect(await both()).toEqual(Array(2).fill([403, "tenant-suspended"]));
  expect(await answered(await ping(instanceToken))).toEqual([200, { collect: false }]);
  await tellGate(tenant, { status: "active" });
  const suspended = sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", tenant.id)}`;
  await ownerRows(suspended);
  // The gate has not heard: Postgres says it of what needs Postgres.
  expect((await both())[1]).toEqual([403, "tenant-suspended"]);
  await ownerRows(sql`update tenants set status = 'active' where id = ${uuidFromId("tenant", tenant.id)}`);
  await deliver(tenant, { kind: "client-revoked", instanceId: instance, clientId: "ebbc_x", revokedAtMs: Date.now() });
  expect(await both()).toEqual(Array(2).fill([401, "token-revoked"]));
});

test("one token of a sign-in can be refused alone, by its id", async () => {
  const { tenant, instance, person, familyId, token } = await scene();
  const tokenId = JSON.parse(atob((token.split(".")[1] as string).replaceAll("-", "+").replaceAll("_", "/"))).jti;
  await revoke(tenant, { kind: "token", id: tokenId }, "token-revoked");
  for (const asked of [session, profile, logOut])
    expect(await answered(await asked(token))).toEqual([401, "token-revoked"]);
  const next = await signUserFor(tenant, instance, { personId: person.id, familyId });
  expect((await session(next)).status).toBe(200);
});

test("a token without profile:read is told so, and may still log out; an instance's own token is none of a person's", async () => {
  const { tenant, instance, person, familyId, token, instanceToken } = await scene();
  const narrow = await signUserFor(tenant, instance, { personId: person.id, familyId, scope: "assistant" });
  for (const asked of [session, profile]) {
    const response = await asked(narrow);
    expect(response.headers.get("www-authenticate")).toContain('scope="profile:read"');
    expect(await answered(response)).toEqual([403, "insufficient-scope"]);
    expect(await answered(await asked(instanceToken))).toEqual([401, "unauthenticated"]);
  }
  expect(await answered(await ask("/instance/owner", token))).toEqual([401, "unauthenticated"]);
  expect((await logOut(narrow)).status).toBe(200);
});

test("logging out ends the sign-in, its refresh tokens and its access tokens at once, and no other of the person's", async () => {
  const { tenant, instance, person, familyId, token } = await scene();
  const otherFamily = await signInOn(tenant, instance, person.id);
  const other = await signUserFor(tenant, instance, { personId: person.id, familyId: otherFamily });
  const second = await signUserFor(tenant, instance, { personId: person.id, familyId });
  const body = { id: familyId, ended: true, effective: true };
  for (let i = 0; i < 2; i++) expect(await answered(await logOut(token))).toEqual([200, body]);
  for (const gone of [token, second]) {
    expect(await withoutPostgres(async () => await answered(await session(gone)))).toEqual([401, "sign-in-ended"]);
    expect(await answered(await profile(gone))).toEqual([401, "sign-in-ended"]);
  }
  expect((await session(other)).status).toBe(200);
  expect((await profile(other)).status).toBe(200);

  const [families, refresh, events, messages] = [
    await ownerRows(sql`select id, ended_at is null as live from token_families
      where person_id = ${uuidFromId("person", person.id)} order by live`),
    await ownerRows(sql`select family_id, revoked_at is null as live from refresh_tokens
      where person_id = ${uuidFromId("person", person.id)} order by live`),
    await ownerRows(sql`select event, outcome, actor_kind, reason from authentication_events
      where person_id = ${uuidFromId("person", person.id)}`),
    await ownerRows<{ message: { untilMs: number } }>(sql`select message from outbox
      where gate_id = ${tenant.gateId} and message ->> 'kind' = 'revoked'`),
  ];
  const [ended, live] = [uuidFromId("tokenFamily", familyId), uuidFromId("tokenFamily", otherFamily)];
  expect(families).toEqual([
    { id: ended, live: false },
    { id: live, live: true },
  ]);
  expect(refresh).toEqual([
    { family_id: ended, live: false },
    { family_id: live, live: true },
  ]);
  expect(events).toEqual([{ event: "sign-out", outcome: "succeeded", actor_kind: "person", reason: null }]);
  expect(messages.map(({ message }) => message)).toEqual([
    {
      kind: "revoked",
      subject: { kind: "session", id: familyId },
      reason: "sign-in-ended",
      issuedBeforeMs: null,
      untilMs: expect.any(Number),
    },
  ]);
  const reach = (messages[0]?.message.untilMs ?? 0) - Date.now();
  expect(Math.abs(reach - (7 * 86_400_000 + 600_000))).toBeLessThan(60_000);
});

test("a log-out of which the gate has not heard says so; its repeat has the gate hear", async () => {
  const { tenant, familyId, token } = await scene();
  const { fetch, deps } = await appWithFailingGates("unknown", 1, "deliver");
  const out = () =>
    fetch("/instance/user/session/revoke", { method: "POST", headers: { authorization: `Bearer ${token}` } });
  expect(await answered(await out())).toEqual([200, { id: familyId, ended: true, effective: false }]);
  expect((await session(token)).status).toBe(200);
  expect(await answered(await profile(token))).toEqual([401, "sign-in-ended"]);
  expect(await answered(await out())).toEqual([200, { id: familyId, ended: true, effective: true }]);
  expect(await answered(await session(token))).toEqual([401, "sign-in-ended"]);
  expect(await deliverOutbox(deps, tenant.gateId)).toBe(true);
});

test("ending a sign-in in another tenant's name ends nothing; twice is once", async () => {
  const [made, other] = [await scene(), await scene()];
  const deps = await createDeps(env);
  const end = (tenant: TestTenant) =>
    endSignIn(deps, {
      familyId: made.familyId,
      tenantId: tenant.id,
      requestId: newId("request", Date.now()),
      place: "FR",
      reason: "invalid-grant",
    });
  await end(other.tenant);
  expect((await profile(made.token)).status).toBe(200);
  for (let i = 0; i < 3; i++) expect(await end(made.tenant)).toEqual({ effective: true });
  const events = await ownerRows(sql`select place, reason from authentication_events
    where person_id = ${uuidFromId("person", made.person.id)}`);
  expect(events).toEqual([{ place: "FR", reason: "invalid-grant" }]);
});

test("without gate or Postgres: 503 with Retry-After, and nobody is told a sign-in is good", async () => {
  const { token, instanceToken } = await scene();
  const { fetch } = await appWithFailingGates("overloaded");
  for (const [method, path, credential] of [
    ["GET", "/instance/user/session", token],
    ["GET", "/instance/user/profile", token],
    ["POST", "/instance/user/session/revoke", token],
    ["GET", "/instance/owner", instanceToken],
    ["GET", "/instance/workspace", instanceToken],
  ] as const) {
    const response = await fetch(path, { method, headers: { authorization: `Bearer ${credential}` } });
    expect([response.status, Number(response.headers.get("retry-after")) >= 5], path).toEqual([503, true]);
  }
  await withoutPostgres(async () => {
    for (const asked of [profile, logOut]) expect((await asked(token)).status).toBe(503);
  });
});

test("a session costs no statement, a profile one", async () => {
  const { token } = await scene();
  await session(token);
  expect(await statementsDuring(async () => await session(token))).toBe(0);
  expect(await statementsDuring(async () => await profile(token))).toBe(1);
});

test("no address of a caller is stored anywhere, whatever is asked", async () => {
  const { tenant, person, token, instanceToken } = await scene();
  const [address, v6] = ["198.51.100.77", "2001:db8:77:7700::77"];
  for (const ip of [address, v6]) {
    const headers = { "cf-connecting-ip": ip, "x-forwarded-for": ip, "x-real-ip": ip, forwarded: `for="${ip}"` };
    const statuses: number[] = [];
    const asks = async (response: Promise<Response>) => {
      const answer = await response;
      statuses.push(answer.status);
      return answer;
    };
    await asks(ask("/instance/alive", instanceToken, "POST", headers));
    for (const path of ["/instance/owner", "/instance/workspace"]) await asks(ask(path, instanceToken, "GET", headers));
    for (const path of ["/instance/user/session", "/instance/user/profile"])
      await asks(ask(path, token, "GET", headers));
    const metadata = { scope: "profile:read", grant_types: ALL_GRANTS, redirect_uris: [REDIRECT_URI] };
    const withKey = { ...metadata, instance_registration_key: tenant.registrationKey };
    await asks(postJson("/oauth2/register", metadata, headers));
    const client = await (await asks(postJson("/oauth2/register", withKey, headers))).json<OAuthClient>();
    const form = { ...proof(client), scope: "profile:read" };
    const device = await asks(postForm("/oauth2/device/authorize", form, headers));
    const { user_code } = await device.json<Pending>();
    await asks(postForm("/oauth2/token", { ...proof(client), grant_type: "client_credentials" }, headers));
    const { query } = await codeRequest(client);
    const signedIn = { ...headers, ...(await sessionHeaders(person)) };
    for (const who of [headers, signedIn]) {
      for (const path of ["/device", `/device?user_code=${user_code}`, "/oauth2/authorize"]) {
        const url = path === "/oauth2/authorize" ? `${path}?${new URLSearchParams(query)}` : path;
        await asks(call(url, { headers: who, redirect: "manual" }));
      }
    }
    const { "x-csrf-token": csrf_token = "", ...posting } = await sessionHeaders(person, "POST");
    await asks(postForm("/device", { csrf_token, user_code }, { ...headers, ...posting }));
    // Nothing was turned away before it got anywhere; who has not signed in is sent to do so.
    expect(statuses).toEqual([200, 200, 200, 200, 200, 201, 201, 200, 200, 303, 303, 302, 200, 200, 302, 200]);
  }
  await ask("/instance/user/session/revoke", token, "POST", { "cf-connecting-ip": address });
  const gates = await storedInGates();
  await gateOf(tenant).flush();
  const rows = [...gates, ...(await storedInGates()), ...(await storedInPostgres())];
  const stored = rows.map(({ text }) => text).join("\n");
  const blobs = rows.flatMap((row) => row.blobs).join("\n");
  // The control: what was asked did leave traces, of the network too, and there was something binary to look into.
  for (const trace of [uuidFromId("tenant", tenant.id), "register-network", "user-code-network", "ebbc_"])
    expect(stored).toContain(trace);
  expect(gates.some((row) => row.blobs.length > 0)).toBe(true);
  const written = [address, "198.51.100", v6, "2001:db8:77", "2001:0db8:0077"];
  for (const trace of [...written, ...written.map((text) => toHex(new TextEncoder().encode(text)))])
    expect(stored).not.toContain(trace);
  // As their bytes: the IPv4 address, and the first 56 bits of the other.
  for (const packed of ["c633644d", "20010db8007777"]) expect(blobs).not.toContain(packed);
});
