import { runDurableObjectAlarm } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type ClientEvent, type ClientOptions, createClient } from "../src/client/index.ts";
import { uuidFromId } from "../src/core/id.ts";
import { call, gateOf, ORIGIN } from "../src/testing/instance.ts";
import { answerWith, patOf } from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** The client as a program has it, its requests going to our own Worker. */
function clientOf(more: Partial<ClientOptions> = {}) {
  let text: string | null = null;
  const store = {
    get: async () => text,
    set: async (next: string) => {
      text = next;
    },
  };
  const paths: string[] = [];
  const events: ClientEvent[] = [];
  const client = createClient({
    url: ORIGIN,
    store,
    env: {},
    onEvent: (event) => void events.push(event),
    fetch: (url, init) => {
      paths.push(url.slice(ORIGIN.length));
      return call(url.slice(ORIGIN.length), init);
    },
    ...more,
  });
  return { client, paths, events, store };
}

const pingsOf = (tenant: TestTenant) =>
  ownerRows(sql`select os_kind, os_name from pings where tenant_id = ${uuidFromId("tenant", tenant.id)}`);

test("ebb/client registers with a key, gets its token and pings, and the ping arrives", async () => {
  const tenant = await testTenant();
  const os = { kind: "linux", name: "Debian GNU/Linux", version: "12" };
  const { client, paths, events, store } = clientOf({ registrationKey: tenant.registrationKey, os });
  expect(await client.start()).toEqual({
    ok: true,
    value: { pinged: true, collect: true, nextAtMs: expect.any(Number) },
  });
  expect(paths).toEqual(["/oauth2/register", "/oauth2/token", "/instance/alive"]);
  expect(events.map(({ type }) => type)).toEqual(["registered", "pinged"]);
  expect(await client.status()).toMatchObject({ value: { registered: true, claimed: true, claimCode: null } });
  await runDurableObjectAlarm(gateOf(tenant));
  expect(await pingsOf(tenant)).toEqual([{ os_kind: "linux", os_name: "Debian GNU/Linux" }]);
  client.stop();

  const again = clientOf({ store });
  expect(await again.client.start()).toMatchObject({ value: { pinged: false } });
  expect(again.paths).toEqual([]);
  again.client.stop();
});

test("the Worker's refusals arrive with their reasons", async () => {
  const { client, events } = clientOf({ registrationKey: "nonsense" });
  expect(await client.start()).toMatchObject({
    ok: false,
    error: {
      code: "registration-refused",
      status: 403,
      reason: "access_denied",
      message: "The registration key is not known.",
    },
  });
  expect(events[0]).toMatchObject({ type: "registration-refused" });
  client.stop();

  const tenant = await testTenant();
  const registered = clientOf({ registrationKey: tenant.registrationKey });
  await registered.client.start();
  registered.client.stop();
  const forged = JSON.parse((await registered.store.get()) ?? "{}");
  forged.client.secret = "wrong";
  forged.instance = null;
  forged.alive = null;
  const other = clientOf({ store: { get: async () => JSON.stringify(forged), set: async () => undefined } });
  expect(await other.client.start()).toMatchObject({
    ok: false,
    error: { code: "registration-refused", status: 401, reason: "invalid_client" },
  });
  other.client.stop();
});

test("with DO_NOT_TRACK nothing reaches the Worker", async () => {
  const tenant = await testTenant();
  const { client, paths } = clientOf({ registrationKey: tenant.registrationKey, env: { DO_NOT_TRACK: "1" } });
  expect(await client.start()).toMatchObject({ ok: false, error: { code: "not-permitted" } });
  expect(paths).toEqual([]);
  const registered = sql`select from instances where tenant_id = ${uuidFromId("tenant", tenant.id)}`;
  expect(await ownerRows(registered)).toEqual([]);
});

test("what was previewed is what the Worker was sent", async () => {
  const tenant = await testTenant();
  const sent: [string, unknown, unknown][] = [];
  const { client } = clientOf({
    registrationKey: tenant.registrationKey,
    os: { kind: "linux" },
    fetch: (url, init) => {
      sent.push([url, init.headers, init.body]);
      return call(url.slice(ORIGIN.length), init);
    },
  });
  const preview = await client.preview("start", { secrets: true });
  const [register] = preview.ok ? preview.value : [];
  await client.start();
  expect(sent[0]).toEqual([register?.url, register?.headers, register?.body]);
  client.stop();
});

/** As `clientOf`, unclaimed: it waits with its poll until the person has answered; nothing takes too long. */
async function signInAs(answer: "approve" | "deny", tenant: TestTenant, person: TestPerson) {
  const pat = await patOf(person, null, tenant.workspaceId);
  let answered: Promise<unknown> = Promise.resolve();
  const world = clientOf({
    name: "laptop",
    scope: "profile:read offline",
    schedule: (run, delayMs) => {
      if (delayMs === 5_000) void answered.then(run);
      return () => undefined;
    },
  });
  const signedIn = await world.client.signIn({
    scope: "profile:read offline",
    onCode: ({ userCode, claimCode }) => {
      answered = answerWith(pat, answer, { user_code: userCode }, claimCode === null ? {} : { claim_code: claimCode });
    },
  });
  return { ...world, signedIn, answered };
}

test("an unclaimed instance signs a person in, who claims it by approving, and asks who they are", async () => {
  const tenant = await testTenant();
  const ada = await personIn(tenant, "member", { name: "Ada" });
  const { client, signedIn, events } = await signInAs("approve", tenant, ada);
  expect(signedIn).toEqual({ ok: true, value: { scope: "profile:read offline" } });
  expect(events[0]).toMatchObject({ type: "registered", claimCode: expect.stringMatching(/^[A-Z]{5}-[A-Z]{5}$/) });
  expect(await client.profile()).toMatchObject({ ok: true, value: { id: ada.id, identity: { name: "Ada" } } });
  expect(await client.session()).toMatchObject({
    ok: true,
    value: { user_id: ada.id, workspace_id: tenant.workspaceId, scopes: ["profile:read", "offline"] },
  });
  expect(await client.owner()).toMatchObject({ ok: true, value: { id: tenant.id, kind: "team" } });
  expect(await client.workspace()).toMatchObject({ ok: true, value: { id: tenant.workspaceId, name: "Default" } });
  expect(await client.lease()).toMatchObject({ ok: true });
  expect(await client.verifyLease()).toMatchObject({ ok: true });
});

test("what a person may do has changed: the client refreshes once, and goes on", async () => {
  const tenant = await testTenant();
  const ada = await personIn(tenant, "member");
  const { client, paths } = await signInAs("approve", tenant, ada);
  const owner = await personIn(tenant, "owner");
  const promoted = await call(`/api/v1/members/${ada.memberId}`, {
    method: "PATCH",
    headers: { ...(await sessionHeaders(owner, "PATCH")), "content-type": "application/json" },
    body: JSON.stringify({ role: "admin" }),
  });
  expect(promoted.status).toBe(200);
  const before = paths.length;
  expect(await client.profile()).toMatchObject({ ok: true, value: { id: ada.id } });
  expect(paths.slice(before)).toEqual(["/instance/user/profile", "/oauth2/token", "/instance/user/profile"]);
});

test("a denied sign-in says so, and a person signs out for good", async () => {
  const tenant = await testTenant();
  const ada = await personIn(tenant, "member");
  expect((await signInAs("deny", tenant, ada)).signedIn).toMatchObject({
    ok: false,
    error: { reason: "access_denied" },
  });
  const { client } = await signInAs("approve", tenant, ada);
  expect(await client.signOut()).toMatchObject({ ok: true });
  expect(await client.profile()).toMatchObject({ ok: false, error: { code: "signed-out" } });
});
