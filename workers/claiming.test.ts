import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { afterEach, expect, inject, test, vi } from "vitest";
import { loadRoutingKeys, openRoutingId } from "../src/access/routing-id.ts";
import { createApp } from "../src/app.ts";
import { DAY_MS, SECOND_MS } from "../src/core/clock.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import type { Permission, Role } from "../src/core/permission.ts";
import { PROBLEMS } from "../src/core/problem.ts";
import type { AppDatabase } from "../src/db/app-database.ts";
import { workspaces } from "../src/db/schema.ts";
import { deliverAllOutboxes } from "../src/gate/outbox.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { visitPlatformGates } from "../src/jobs/visit-platform-gates.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { withFault, withoutCommits } from "../src/testing/faults.ts";
import { call, ORIGIN, ping, postForm, postJson } from "../src/testing/instance.ts";
import { nurseryOf } from "../src/testing/nursery.ts";
import {
  answerOnPage,
  answerWith,
  authorize,
  beginLogin,
  consentAs,
  type OAuthClient,
  type Pending,
  patOf,
  pkcePair,
  poll,
  proof,
  REDIRECT_URI,
  refreshWith,
  registerFrom,
  saidOf,
  type Tokens,
  typeCode,
} from "../src/testing/oauth-world.ts";
import { alsoIn, personIn } from "../src/testing/people.ts";
import { owner, ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

afterEach(() => void vi.useRealTimers());

type Unclaimed = Awaited<ReturnType<typeof registerFrom>>;
const CLAIMS: Permission[] = ["device:approve", "instance:claim", "profile:read", "assistant:use"];

/** A tenant, somebody there, and a token of theirs that claims into its workspace. */
async function place(role: Role = "member", wanted: Parameters<typeof testTenant>[0] = {}) {
  const tenant = await testTenant(wanted);
  const person = await personIn(tenant, role);
  const pat = role === "operator" ? "" : await patOf(person, CLAIMS, tenant.workspaceId);
  return { tenant, person, pat };
}
const codeOf = ({ claim_code }: Unclaimed) => ({ claim_code });
const instancesOf = ({ client_id }: OAuthClient) =>
  ownerRows<{ id: string; tenant_id: string; workspace_id: string; name: string | null; claimed: boolean }>(
    sql`select ebb.typed_id('ins', id) as id, tenant_id, workspace_id, name, claimed_at is not null as claimed
          from instances where client_id = ${client_id}`,
  );
const ownToken = (client: OAuthClient) =>
  postForm("/oauth2/token", { ...proof(client), grant_type: "client_credentials" });
const attemptsOf = async ({ client_id }: OAuthClient) =>
  (await ownerRows(sql`select claim_attempts from unclaimed_registrations where client_id = ${client_id}`))[0]?.[
    "claim_attempts"
  ];
const errorOf = async (response: Response) => [
  response.status,
  (await response.json<{ error?: string }>()).error ?? null,
];
/** Status of an approval that is refused, and why. */
async function refusedAs(token: string, pending: Pending, more: Record<string, string> = {}) {
  const response = await answerWith(token, "approve", pending, more);
  return [response.status, (await response.json<{ error_description?: string }>()).error_description];
}
const REQUIRED = PROBLEMS["claim-code-required"].title;
const LOCKED = PROBLEMS["claim-code-locked"].title;
async function workspaceIn(tenant: TestTenant, name: string): Promise<Id<"workspace">> {
  const id = newId("workspace", Date.now());
  await owner((db) =>
    db.insert(workspaces).values({ id, tenantId: tenant.id, name, generation: 0, createdAt: Date.now() }),
  );
  return id;
}
const waive = ({ workspaceId }: Pick<TestTenant, "workspaceId">) =>
  ownerRows(sql`update workspaces set claim_code_required = false where id = ${uuidFromId("workspace", workspaceId)}`);
/** Every row of Postgres that holds this text, but those of tables that hold nothing of a tenant's. */
async function rowsWith(text: string): Promise<string[]> {
  const tables = await ownerRows<{ name: string }>(
    sql`select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await ownerRows(
      sql`select from ${sql.identifier(name)} t where position(${text} in row_to_json(t)::text) > 0`,
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}
/** Where its nursery says that the client is. */
async function seenByNursery({ client_id }: OAuthClient) {
  const keys = await loadRoutingKeys(inject("workerBindings")["ROUTING_HMAC_KEYS"] as string);
  const gateId = (await openRoutingId("client-id", client_id, keys)) as string;
  return await nurseryOf({ gateId }).client({ v: PROTOCOL, gateId, clientId: client_id });
}

test("whoever approves its first login on the page claims it: name, workspace, and nothing of where it came from stays", async () => {
  const { tenant, person } = await place("member", { name: "Acme" });
  const lab = await workspaceIn(tenant, "Lab");
  const client = await registerFrom({ country: "AT", asOrganization: "Telltale Networks 4711" });
  expect(await rowsWith("Telltale Networks 4711")).toEqual(["unclaimed_registrations"]);
  const pending = await beginLogin(client);
  const page = await (await typeCode(person, pending.user_code)).text();
  expect([...page.matchAll(/<option value="([^"]+)">([^<]+)</g)].map(([, id, label]) => [id, label])).toEqual([
    [tenant.workspaceId, "Acme, Default"],
    [lab, "Acme, Lab"],
  ]);
  const form = { ...codeOf(client), workspace_id: lab, name: "Ada's laptop" };
  const approved = await answerOnPage(person, pending, "approve", { ...form, scope_assistant: "yes" });
  expect([approved.status, (await approved.text()).includes("is yours now")]).toEqual([200, true]);
  expect(await instancesOf(client)).toEqual([
    {
      id: expect.stringMatching(/^ins_/),
      tenant_id: uuidFromId("tenant", tenant.id),
      workspace_id: uuidFromId("workspace", lab),
      name: "Ada's laptop",
      claimed: true,
    },
  ]);
  expect(await rowsWith("Telltale Networks 4711")).toEqual([]);
  const [registration] = await ownerRows(
    sql`select country, network_operator, claimed_at is not null as claimed from unclaimed_registrations where client_id = ${client.client_id}`,
  );
  expect(registration).toEqual({ country: null, network_operator: null, claimed: true });
  const { access_token } = await (await poll(client, pending)).json<Tokens>();
  const profile = await call("/instance/user/profile", { headers: { authorization: `Bearer ${access_token}` } });
  expect(profile.status).toBe(200);
  // The same id and secret as ever, at the tenant's gate.
  const own = await (await ownToken(client)).json<Tokens>();
  expect((await ping(own.access_token)).status).toBe(200);
  expect(await seenByNursery(client)).toEqual({ outcome: "moved", gateId: tenant.gateId });
  const audit = await ownerRows(
    sql`select action, detail from audit_entries where tenant_id = ${uuidFromId("tenant", tenant.id)} and action like any (array['instance.%', 'sign-in.%']) order by id`,
  );
  expect(audit.map((entry) => entry["action"]).toSorted()).toEqual(["instance.claimed"]);
  // It outlives the instance by years: what people call their machines is not in it.
  expect(JSON.stringify(audit)).not.toContain("laptop");
  // A sign-in is no change of the account: it is told for twelve months, and not for seven years.
  const events = await ownerRows(
    sql`select event from authentication_events where tenant_id = ${uuidFromId("tenant", tenant.id)} and event = 'token-issued'`,
  );
  expect(events).toHaveLength(1);
});

test("an approval that is repeated with its Idempotency-Key says what it said: that it claimed the instance", async () => {
  const { pat } = await place();
  const client = await registerFrom();
  const { user_code } = await beginLogin(client);
  const query = new URLSearchParams({ user_code, ...codeOf(client) });
  const headers = { authorization: `Bearer ${pat}`, "idempotency-key": "approve-once" };
  const approve = async () => {
    const response = await call(`/oauth2/device/approve?${query}`, { method: "POST", headers });
    return [response.status, response.headers.get("idempotency-replayed"), await response.json()];
  };
  const [status, , said] = await approve();
  expect([status, said]).toEqual([200, expect.objectContaining({ approved: true, claimed: true })]);
  expect(await approve()).toEqual([200, "true", said]);
});

test("left without a name it keeps the one that it registered with; what is no name is refused", async () => {
  const { person, tenant } = await place();
  await waive(tenant);
  const named = await registerFrom({}, { client_name: "build-7" });
  const nameless = await registerFrom();
  for (const [client, name] of [
    [named, "build-7"],
    [nameless, null],
  ] as const) {
    const pending = await beginLogin(client);
    const control = await answerOnPage(person, pending, "approve", { name: "a\u0000b" });
    expect(control.status).toBe(400);
    expect((await answerOnPage(person, pending, "approve", { name: "x".repeat(101) })).status).toBe(400);
    expect((await answerOnPage(person, pending, "approve", { name: "" })).status).toBe(200);
    expect((await instancesOf(client)).map((row) => row.name)).toEqual([name]);
  }
  // Nor one that turns the text beside it around; a blank one is none.
  const client = await registerFrom({}, { client_name: "build-8" });
  const pending = await beginLogin(client);
  expect((await answerOnPage(person, pending, "approve", { name: "\u202eevil" })).status).toBe(400);
  expect(await instancesOf(client)).toEqual([]);
  expect((await answerOnPage(person, pending, "approve", { name: "  " })).status).toBe(200);
  expect((await instancesOf(client)).map((row) => row.name)).toEqual(["build-8"]);
});

test("a personal access token claims into the workspace that it is bound to, with instance:claim, and nowhere else", async () => {
  const { tenant, person, pat } = await place("admin");
  const lab = await workspaceIn(tenant, "Lab");
  const elsewhere = await testTenant();
  const client = await registerFrom();
  const pending = await beginLogin(client);
  const without = CLAIMS.filter((permission) => permission !== "instance:claim");
  const unbound = await patOf(person, CLAIMS);
  const refused: [why: string, token: string, more: Record<string, string>, status: number][] = [
    ["no instance:claim", await patOf(person, without, tenant.workspaceId), {}, 403],
    ["bound to none", unbound, {}, 403],
    ["bound to none, naming one", unbound, { workspace_id: tenant.workspaceId }, 403],
    ["bound to another", pat, { workspace_id: lab }, 403],
    ["another tenant's", pat, { workspace_id: elsewhere.workspaceId }, 403],
    ["one that never was", pat, { workspace_id: newId("workspace", Date.now()) }, 403],
    ["an API key", tenant.apiKey, { workspace_id: tenant.workspaceId }, 403],
    ["malformed", pat, { workspace_id: "ws_x" }, 400],
  ];
  for (const [why, token, more, status] of refused) {
    const response = await answerWith(token, "approve", pending, { ...codeOf(client), ...more });
    expect([why, response.status]).toEqual([why, status]);
  }
  expect(await instancesOf(client)).toEqual([]);
  // A token's workspace was the tenant's own when it was made: another's is refused then.
  const foreign = await postJson(
    "/api/v1/tokens",
    { name: "x", permissions: CLAIMS, workspace_id: elsewhere.workspaceId },
    { authorization: `Bearer ${unbound}` },
  );
  expect(foreign.status).toBeGreaterThanOrEqual(400);
  const answer = await answerWith(pat, "approve", pending, { ...codeOf(client), name: "build-7" });
  expect([answer.status, await answer.json()]).toEqual([
    200,
    { approved: true, scope: "profile:read assistant", instance_id: expect.stringMatching(/^ins_/), claimed: true },
  ]);
  expect(await instancesOf(client)).toMatchObject([
    { workspace_id: uuidFromId("workspace", tenant.workspaceId), name: "build-7" },
  ]);
  // Claimed is claimed: the next login is only approved.
  const next = await beginLogin(client);
  const second = await answerWith(pat, "approve", next, { name: "renamed", claim_code: "BBBBB-CCCCC" });
  expect(await second.json()).toMatchObject({ claimed: false });
  expect(await instancesOf(client)).toMatchObject([{ name: "build-7" }]);
});

test("a claim code is asked for, wrong ones are counted whatever comes of the rest, and after ten none is right", async () => {
  const { tenant, person, pat } = await place();
  const client = await registerFrom();
  const another = await registerFrom();
  const pending = await beginLogin(client);
  const tryWith = async (claim_code?: string) =>
    errorOf(await answerWith(pat, "approve", pending, claim_code === undefined ? {} : { claim_code }));
  const required = [403, "access_denied"];
  expect(await tryWith()).toEqual(required);
  expect(await tryWith(" ")).toEqual(required);
  expect(await attemptsOf(client)).toBe(0);
  // Also of another instance, and what is no code at all; also where the transaction that would use it never commits.
  for (const wrong of ["BBBBB-CCCCC", another.claim_code, "x", "'; drop table instances; --"]) {
    expect([wrong, await tryWith(wrong)]).toEqual([wrong, required]);
  }
  expect((await withoutCommits(() => answerWith(pat, "approve", pending, { claim_code: "BBBBB-CCCCD" }))).status).toBe(
    403,
  );
  expect([await attemptsOf(client), await attemptsOf(another)]).toEqual([5, 0]);
  // By page, token and code flow alike; many at once are as many.
  expect((await answerOnPage(person, pending, "approve", { claim_code: "BBBBB-CCCCC" })).status).toBe(403);
  const query = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    scope: "profile:read",
  };
  await expect(consentAs(person, query, "approve", { claim_code: "BBBBB-CCCCC" })).rejects.toThrow("403");
  expect(await attemptsOf(client)).toBe(7);
  // Nine wrong ones leave it claimable.
  const lucky = await registerFrom();
  const chance = await beginLogin(lucky);
  for (let n = 0; n < 9; n++) await answerWith(pat, "approve", chance, { claim_code: "BBBBB-CCCCC" });
  const typed = lucky.claim_code.toLowerCase().replace("-", " ");
  expect((await answerWith(pat, "approve", chance, { claim_code: typed })).status).toBe(200);

  await Promise.all(Array.from({ length: 6 }, () => tryWith("BBBBB-CCCCC")));
  expect(await attemptsOf(client)).toBe(10);
  expect((await refusedAs(pat, pending, codeOf(client)))[1]).toBe(LOCKED);
  expect(await attemptsOf(client)).toBe(10);
  expect(await instancesOf(client)).toEqual([]);
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
  // A workspace may do without.
  await waive(tenant);
  const waived = await registerFrom();
  expect((await answerWith(pat, "approve", await beginLogin(waived))).status).toBe(200);
  expect(await instancesOf(waived)).toHaveLength(1);
  // An instance that prints its code says so: whoever only reaches it could waive it in a workspace of their own.
  const demanding = await registerFrom({}, { require_claim_code: true });
  const login = await beginLogin(demanding);
  expect((await answerWith(pat, "approve", login)).status).toBe(403);
  expect(await instancesOf(demanding)).toEqual([]);
  const claim_code = demanding.claim_code as string;
  expect((await answerWith(pat, "approve", login, { claim_code })).status).toBe(200);
});

test("after ten wrong codes it is nobody's, also where the code is waived or demanded, and each hears why", async () => {
  const [owners, others] = [await place(), await place()];
  await waive(others.tenant);
  const client = await registerFrom();
  const pending = await beginLogin(client);
  const wrong = { claim_code: "BBBBB-CCCCC" };
  for (let n = 0; n < 10; n++) {
    expect(await refusedAs(others.pat, pending, wrong)).toEqual([403, REQUIRED]);
  }
  const locked = [403, LOCKED];
  // Whoever used the tries up needs no code, and has it no more than whose it is.
  expect(await refusedAs(others.pat, pending)).toEqual(locked);
  expect(await refusedAs(others.pat, pending, wrong)).toEqual(locked);
  expect(await refusedAs(others.pat, pending, codeOf(client))).toEqual(locked);
  expect(await refusedAs(owners.pat, pending, codeOf(client))).toEqual(locked);
  expect(await refusedAs(owners.pat, pending)).toEqual(locked);
  const page = await answerOnPage(owners.person, pending, "approve", codeOf(client));
  expect([page.status, (await page.text()).includes(LOCKED)]).toEqual([403, true]);
  expect(await instancesOf(client)).toEqual([]);
  expect(await saidOf(await poll(client, pending))).toEqual([400, "authorization_pending"]);
  // The controls: nine wrong ones, then the right one, or none where it is waived.
  for (const [claims, more] of [
    [owners, codeOf],
    [others, () => ({})],
  ] as const) {
    const lucky = await registerFrom();
    const chance = await beginLogin(lucky);
    for (let n = 0; n < 9; n++) await answerWith(others.pat, "approve", chance, wrong);
    expect((await answerWith(claims.pat, "approve", chance, more(lucky))).status).toBe(200);
    expect(await instancesOf(lucky)).toMatchObject([{ tenant_id: uuidFromId("tenant", claims.tenant.id) }]);
  }
});

test("of two people who claim at once in two tenants exactly one has it, and nothing of the other remains", async () => {
  for (let round = 0; round < 3; round++) {
    const places = [await place(), await place()];
    const client = await registerFrom();
    const logins = [await beginLogin(client), await beginLogin(client)];
    const answers = await Promise.all(
      places.map(({ pat, person }, n) => {
        const pending = logins[round === 2 ? 0 : n] as (typeof logins)[0];
        return round === 1 && n === 1
          ? answerOnPage(person, pending, "approve", codeOf(client))
          : answerWith(pat, "approve", pending, codeOf(client));
      }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 404]);
    const winner = answers.findIndex(({ status }) => status === 200);
    const [won, lost] = [places[winner], places[1 - winner]] as [(typeof places)[0], (typeof places)[0]];
    expect(await instancesOf(client)).toMatchObject([{ tenant_id: uuidFromId("tenant", won.tenant.id) }]);
    const uuid = uuidFromId("tenant", lost.tenant.id);
    const left = await ownerRows(sql`
      select 'instance' as what from instances where tenant_id = ${uuid}
      union all select 'secret' from credentials where tenant_id = ${uuid} and kind = 'client-secret'
      union all select 'code' from device_codes where tenant_id = ${uuid}
      union all select 'audit' from audit_entries where tenant_id = ${uuid} and action = 'instance.claimed'
      union all select 'outbox' from outbox where tenant_id = ${uuid} and message ->> 'kind' = 'client'`);
    expect(left).toEqual([]);
    // The other's login is nobody's: not theirs to approve any more, and of the tenant that has it to answer.
    if (round < 2) {
      const open = logins[1 - winner] as (typeof logins)[0];
      expect((await answerWith(lost.pat, "deny", open)).status).toBe(404);
      expect(await saidOf(await poll(client, open))).toEqual([400, "authorization_pending"]);
      expect((await answerWith(won.pat, "approve", open)).status).toBe(200);
    }
  }
});

test("client id and secret stay, though the nursery or the tenant's gate never heard of the claim", async () => {
  for (const lost of ["forward", "deliver"] as const) {
    const { tenant, pat } = await place();
    const client = await registerFrom();
    const pending = await beginLogin(client);
    const app = await appWithFailingGates("unknown", Number.POSITIVE_INFINITY, lost);
    const query = new URLSearchParams({ user_code: pending.user_code, ...codeOf(client) });
    const headers = { authorization: `Bearer ${pat}` };
    const approved = await app.fetch(`/oauth2/device/approve?${query}`, { method: "POST", headers });
    expect([lost, approved.status, app.attempts() > 0]).toEqual([lost, 200, true]);
    // Its own token comes first: whoever pings before anybody polls must not be told that nobody has claimed it.
    expect([lost, await saidOf(await ownToken(client))]).toEqual([lost, [200, "tokens"]]);
    const tokens = await (await poll(client, pending)).json<Tokens>();
    expect([lost, await saidOf(await refreshWith(client, tokens.refresh_token as string))]).toEqual([
      lost,
      [200, "tokens"],
    ]);
    expect(await seenByNursery(client)).toEqual({ outcome: "moved", gateId: tenant.gateId });
  }
});

test("its id leads on for ever: also when its day is over and nobody had told the nursery, or that has forgotten it", async () => {
  const start = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  const places = { told: await place(), untold: await place() };
  for (const [which, { tenant, pat }] of Object.entries(places)) {
    vi.setSystemTime(start);
    const client = await registerFrom();
    const app = await appWithFailingGates("unknown", which === "told" ? 0 : Number.POSITIVE_INFINITY, "forward");
    const query = new URLSearchParams({ user_code: (await beginLogin(client)).user_code, ...codeOf(client) });
    const init = { method: "POST", headers: { authorization: `Bearer ${pat}` } };
    expect((await app.fetch(`/oauth2/device/approve?${query}`, init)).status).toBe(200);
    // What Postgres held of the registration is purged with its day.
    await ownerRows(sql`delete from unclaimed_registrations where client_id = ${client.client_id}`);
    for (const days of [1, 40, 400]) {
      vi.setSystemTime(start + days * DAY_MS + SECOND_MS);
      await visitPlatformGates(await createDeps(env));
      expect([which, days, await saidOf(await ownToken(client))]).toEqual([which, days, [200, "tokens"]]);
    }
    expect(await seenByNursery(client)).toEqual({ outcome: "moved", gateId: tenant.gateId });
  }
});

test("an approval that is lost half-way claims wholly or not at all, and can be tried again", async () => {
  const { tenant, pat } = await place();
  const lost = await registerFrom();
  const never = await beginLogin(lost);
  // Postgres is gone in the commit: nothing of it took place.
  const first = await withoutCommits(() => answerWith(pat, "approve", never, codeOf(lost)));
  expect([first.status, (await first.json<{ error: string }>()).error]).toEqual([503, "temporarily_unavailable"]);
  expect(await instancesOf(lost)).toEqual([]);
  expect(await saidOf(await poll(lost, never))).toEqual([400, "authorization_pending"]);
  expect(await saidOf(await ownToken(lost))).toEqual([400, "unauthorized_client"]);
  expect((await answerWith(pat, "approve", never, codeOf(lost))).status).toBe(200);
  expect(await saidOf(await poll(lost, never))).toEqual([200, "tokens"]);

  // All of it took place, and its answer was lost: no gate has heard of it but through whoever asks next.
  const unheard = await registerFrom();
  const done = await beginLogin(unheard);
  const deps = await createDeps(env);
  await deps.app.ask("select 1", []);
  const fault = { kind: "drop-after-commit", times: 1 } as const;
  const lossy = new Proxy(deps.app, {
    get(app, method: keyof AppDatabase) {
      if (method !== "write") return app[method].bind(app);
      return (...given: Parameters<AppDatabase["write"]>) => withFault(fault, () => app.write(...given));
    },
  });
  const query = new URLSearchParams({ user_code: done.user_code, ...codeOf(unheard) });
  const init = { method: "POST", headers: { authorization: `Bearer ${pat}` } };
  const request = new Request(`${ORIGIN}/oauth2/device/approve?${query}`, init);
  const answer = await createApp({ ...deps, app: lossy as AppDatabase }).fetch(request);
  expect(answer.status).toBe(503);
  expect(await instancesOf(unheard)).toMatchObject([{ tenant_id: uuidFromId("tenant", tenant.id) }]);
  expect(await saidOf(await ownToken(unheard))).toEqual([200, "tokens"]);
  expect(await saidOf(await poll(unheard, done))).toEqual([200, "tokens"]);
  expect((await answerWith(pat, "approve", done, codeOf(unheard))).status).toBe(409);
  const { failed } = await deliverAllOutboxes(await createDeps(env));
  expect(failed).toBe(0);
});

test("an unclaimed registration can ask for a login and change itself, and nothing else", async () => {
  const { tenant, person } = await place();
  const client = await registerFrom();
  const forms: [path: string, form: Record<string, string>, status: number, error: string][] = [
    ["/oauth2/token", { grant_type: "client_credentials" }, 400, "unauthorized_client"],
    ["/oauth2/token", { grant_type: "refresh_token", refresh_token: "x" }, 400, "unauthorized_client"],
    [
      "/oauth2/token",
      { grant_type: "authorization_code", code: "x", redirect_uri: REDIRECT_URI },
      400,
      "unauthorized_client",
    ],
  ];
  for (const [path, form, status, error] of forms) {
    const response = await postForm(path, { ...proof(client), ...form });
    expect([form["grant_type"], await errorOf(response)]).toEqual([form["grant_type"], [status, error]]);
  }
  const introspected = await postForm("/oauth2/introspect", { ...proof(client), token: "x" });
  expect(introspected.status === 200 ? await introspected.json() : { active: false }).toEqual({ active: false });
  for (const path of ["alive", "owner", "workspace", "user/profile"]) {
    const headers = { authorization: `Bearer ${client.client_secret}` };
    const init = path === "alive" ? { method: "POST", headers } : { headers };
    expect([path, (await call(`/instance/${path}`, init)).status]).toEqual([path, 401]);
  }
  for (const header of [client.client_secret, client.claim_code, client.client_id]) {
    expect((await call("/api/v1/instances", { headers: { authorization: `Bearer ${header}` } })).status).toBe(401);
  }
  expect((await call("/oauth2/device/authorize", { method: "GET" })).status).toBe(405);
  expect((await beginLogin(client)).user_code).toMatch(/-/);
  const listed = await call("/api/v1/instances", { headers: { authorization: `Bearer ${tenant.apiKey}` } });
  expect((await listed.json<{ data: unknown[] }>()).data).toEqual([]);
  expect(await instancesOf(client)).toEqual([]);
  // The code flow claims as well, by its one consent.
  const { verifier, challenge } = await pkcePair();
  const query = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    scope: "profile:read",
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  expect((await authorize(query)).headers.get("location")).toBe("/consent");
  const back = await consentAs(person, query, "approve", { ...codeOf(client), workspace_id: tenant.workspaceId });
  const redeemed = await postForm("/oauth2/token", {
    ...proof(client),
    grant_type: "authorization_code",
    code: back.searchParams.get("code") as string,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  });
  expect(await saidOf(redeemed)).toEqual([200, "tokens"]);
  expect(await instancesOf(client)).toMatchObject([{ tenant_id: uuidFromId("tenant", tenant.id) }]);
});

test("members, admins and owners may claim into their own tenant; operators, strangers and people of the reseller above not", async () => {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform });
  const customer = await testTenant({ kind: "client", parent: reseller });
  for (const role of ["member", "admin", "owner"] as const) {
    const person = await personIn(customer, role);
    const client = await registerFrom();
    const pending = await beginLogin(client);
    const response = await answerOnPage(person, pending, "approve", codeOf(client));
    expect([role, response.status]).toEqual([role, 200]);
    expect(await instancesOf(client)).toMatchObject([{ tenant_id: uuidFromId("tenant", customer.id) }]);
  }
  const client = await registerFrom();
  const pending = await beginLogin(client);
  const aim = { ...codeOf(client), workspace_id: customer.workspaceId };
  const operator = await personIn(platform, "operator");
  const nobody = await personIn(await testTenant(), "owner");
  const removed = await personIn(customer, "owner");
  await ownerRows(
    sql`update memberships set removed_at = clock_timestamp() where id = ${uuidFromId("membership", removed.memberId)}`,
  );
  const above = await personIn(reseller, "owner");
  for (const [who, person, status] of [
    ["operator", operator, 403],
    ["stranger", nobody, 404],
    ["removed", removed, 404],
    ["reseller's", above, 404],
  ] as const) {
    const response = await answerOnPage(person, pending, "approve", aim);
    expect([who, response.status >= 400 && response.status < 500, status]).toEqual([who, true, status]);
    expect([who, await instancesOf(client)]).toEqual([who, []]);
  }
  // Into the reseller's own workspace its people may; and approve logins in its clients' tenants, as they may do all there.
  const own = await answerOnPage(above, pending, "approve", { ...codeOf(client), workspace_id: reseller.workspaceId });
  expect([own.status, (await instancesOf(client)).map((row) => row.tenant_id)]).toEqual([
    200,
    [uuidFromId("tenant", reseller.id)],
  ]);
  // Somebody of two tenants chooses by the workspace alone.
  const both = await personIn(reseller, "member");
  await alsoIn(both.id, customer, "member");
  const second = await registerFrom();
  const chosen = await beginLogin(second);
  const target = { ...codeOf(second), workspace_id: customer.workspaceId };
  expect((await answerOnPage(both, chosen, "approve", target)).status).toBe(200);
  expect(await instancesOf(second)).toMatchObject([{ tenant_id: uuidFromId("tenant", customer.id) }]);
});

test("nobody claims into a tenant that is suspended or closed, or into a workspace that was removed", async () => {
  for (const end of ["suspended", "closed", "workspace"] as const) {
    const { tenant, person, pat } = await place("owner");
    const client = await registerFrom();
    const pending = await beginLogin(client);
    const uuid = uuidFromId("tenant", tenant.id);
    if (end === "workspace")
      await ownerRows(sql`update workspaces set removed_at = clock_timestamp() where tenant_id = ${uuid}`);
    else
      await ownerRows(
        sql`update tenants set status = ${end}, closed_at = ${end === "closed" ? new Date().toISOString() : null}::timestamptz where id = ${uuid}`,
      );
    const aim = { ...codeOf(client), workspace_id: tenant.workspaceId };
    for (const response of [
      await answerWith(pat, "approve", pending, codeOf(client)),
      await answerOnPage(person, pending, "approve", aim),
    ]) {
      expect([end, response.status >= 400 && response.status < 500]).toEqual([end, true]);
    }
    expect([end, await instancesOf(client)]).toEqual([end, []]);
    // Somebody else still may.
    const other = await place();
    expect((await answerWith(other.pat, "approve", pending, codeOf(client))).status).toBe(200);
  }
});
