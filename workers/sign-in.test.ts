import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { beforeAll, expect, inject, test } from "vitest";
import { loadRoutingKeys, mintRoutingId, type RoutingKeys } from "../src/access/routing-id.ts";
import { hashSecret, newSecret } from "../src/access/secret.ts";
import { csrfToken, SESSION_COOKIE } from "../src/access/session-cookie.ts";
import { createApp } from "../src/app.ts";
import { toHex } from "../src/core/bytes.ts";
import { HOUR_MS } from "../src/core/clock.ts";
import { type Id, idFromUuid, newId, uuidFromId } from "../src/core/id.ts";
import type { Message } from "../src/mail/mailer.ts";
import { sendAllMail } from "../src/mail/send.ts";
import { invitationToken } from "../src/people/invitation-token.ts";
import { Browser } from "../src/testing/browser.ts";
import { personIn } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";
import type { Env } from "./bindings.ts";
import { createDeps } from "./runtime.ts";

/** Signing in, against the certified provider, and against one that forges whatever a test wants. */

/** Dozens of requests, each over two servers. */
const PATIENT = { timeout: 20_000 };
const HERE = "http://127.0.0.1:8787";
const localEnv = (): Env => ({ ...env, PUBLIC_URL: HERE, OIDC_PROVIDERS: inject("providers").binding });
let send: (request: Request) => Promise<Response>;

beforeAll(async () => {
  const app = createApp(await createDeps(localEnv()));
  send = async (request) => await app.fetch(request);
});

const browser = () => new Browser(send);
const open = (user: Browser, path: string, init: RequestInit = {}) => user.open(HERE + path, init, true);
const location = (response: Response) => response.headers.get("location") ?? "";
const secretOf = (user: Browser) => user.cookie(HERE, SESSION_COOKIE) ?? "";
const form = async (user: Browser, path: string, fields: Record<string, string>, headers = {}) =>
  await open(user, path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: HERE, ...headers },
    body: new URLSearchParams({ csrf_token: await csrfToken(secretOf(user)), ...fields }).toString(),
  });
const api = async (user: Browser, method: string, path: string, body?: unknown) =>
  await open(user, path, {
    method,
    headers: {
      origin: HERE,
      "x-csrf-token": await csrfToken(secretOf(user)),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

/** From our page over the certified provider's back to the callback, which is returned and not yet opened. */
async function throughProvider(user: Browser, person: string | null, returnTo = "/account"): Promise<string> {
  const begun = await open(user, `/login/local?return_to=${encodeURIComponent(returnTo)}`);
  expect(begun.status).toBe(303);
  let url = new URL(location(begun));
  for (let hops = 0; hops < 6; hops++) {
    const choice = url.pathname.startsWith("/interaction/");
    const response = await user.open(
      url.toString(),
      choice
        ? {
            method: "POST",
            headers: { "content-type": "application/x-www-form-urlencoded" },
            body: person === null ? "" : `person=${person}`,
          }
        : {},
    );
    url = new URL(location(response), url);
    if (url.origin === HERE) return url.pathname + url.search;
  }
  throw new Error("the provider did not come back");
}

async function signIn(user: Browser, person: string): Promise<string> {
  const finished = await open(user, await throughProvider(user, person));
  expect([finished.status, location(finished)]).toEqual([303, "/account"]);
  return secretOf(user);
}

/** An answer of the forging provider, with claims of the test's own, for a sign-in just begun. */
async function forgedAnswer(user: Browser, claims: Record<string, unknown>, provider = "forger") {
  const begun = new URL(location(await open(user, `/login/${provider}`)));
  const [state, nonce] = [begun.searchParams.get("state") ?? "", begun.searchParams.get("nonce")];
  const said = { sub: crypto.randomUUID(), aud: "ebb", nonce, ...claims };
  const code = btoa(JSON.stringify(said)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return { answer: new URLSearchParams({ state, code, iss: inject("providers").forger }), begun };
}
const bring = (user: Browser, answer: URLSearchParams, provider = "forger") =>
  open(user, `/login/callback/${provider}?${answer}`);

async function forgedSignIn(email: string, provider = "forger", claims: Record<string, unknown> = {}) {
  const user = browser();
  const { answer } = await forgedAnswer(user, { email, email_verified: true, ...claims }, provider);
  expect((await bring(user, answer, provider)).status).toBe(303);
  return user;
}

const refusedLately = async () =>
  (
    await ownerRows<{ reason: string }>(
      sql`select reason from authentication_events where event = 'sign-in' and outcome = 'refused' order by id desc`,
    )
  )[0]?.reason;

test("a person signs in at the certified provider, sees their account, and signs out", async () => {
  const user = browser();
  const login = await open(user, "/login");
  expect([login.status, login.headers.get("referrer-policy")]).toEqual([200, "same-origin"]);
  expect(login.headers.get("content-security-policy")).toMatch(/frame-ancestors 'none'/);
  expect(await login.text()).toContain('href="/login/local?return_to=%2Faccount"');
  expect(location(await open(user, "/account"))).toBe("/login");

  const begun = new URL(location(await open(user, "/login/local")));
  expect(Object.fromEntries(begun.searchParams)).toMatchObject({
    response_type: "code",
    scope: "openid email profile",
    code_challenge_method: "S256",
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    redirect_uri: `${HERE}/login/callback/local`,
  });
  const callback = await throughProvider(user, "sam");
  const done = await open(user, callback);
  expect(done.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^__Host-ebb=[\w-]{43}; Path=\/; Max-Age=7776000; Secure; HttpOnly; SameSite=Lax$/),
  ]);
  const page = await (await open(user, "/account")).text();
  expect(page).toContain("sam@elsewhere.example");
  expect(page).not.toContain("not verified");
  expect(page).not.toContain(secretOf(user));
  // The session is kept as its hash; nothing of the sign-in is in clear but what a provider was sent.
  const [kept] = await ownerRows<{ subject: string; issuer: string }>(
    sql`select p.subject, p.issuer from sessions s join people p on p.id = s.person_id where secret_hash = ${`\\x${toHex(await hashSecret(secretOf(user)))}`}::bytea`,
  );
  expect(kept).toEqual({ subject: "sam", issuer: inject("providers").local });

  // The very same answer again, by the same browser: its state was good once.
  expect((await open(user, callback)).status).toBe(400);
  const first = secretOf(user);
  expect((await form(user, "/logout", {}, {})).status).toBe(303);
  expect(user.cookie(HERE, SESSION_COOKIE)).toBeUndefined();
  user.setCookie(HERE, SESSION_COOKIE, first);
  expect(location(await open(user, "/account"))).toBe("/login");
  expect((await api(user, "GET", "/api/v1/user/sessions")).status).toBe(401);
});

test("a sign-in ends the browser's former session and no other; signing out everywhere ends all at once", async () => {
  const [laptop, phone] = [browser(), browser()];
  const old = await signIn(laptop, "rita");
  await signIn(phone, "rita");
  const renewed = await signIn(laptop, "rita");
  expect(renewed).not.toBe(old);
  const stale = browser();
  stale.setCookie(HERE, SESSION_COOKIE, old);
  expect((await api(stale, "GET", "/api/v1/user/tenants")).status).toBe(401);
  const listed = await (await api(phone, "GET", "/api/v1/user/sessions")).json<{
    data: { id: string; current: boolean }[];
  }>();
  expect(listed.data.map(({ current }) => current).toSorted()).toEqual([false, true]);
  const events = await (await api(phone, "GET", "/api/v1/user/events?limit=2")).json<{
    data: unknown[];
    next_cursor: string;
  }>();
  expect(events.data).toHaveLength(2);
  const rest = await (await api(phone, "GET", `/api/v1/user/events?cursor=${events.next_cursor}`)).json<{
    data: { event: string }[];
  }>();
  expect(rest.data.length).toBeGreaterThanOrEqual(1);

  // Another person's session is not there, like one that never was.
  const stranger = browser();
  await signIn(stranger, "carl");
  const theirs = listed.data[0]?.id ?? "";
  const bodies = new Set<string>();
  for (const id of [theirs, newId("session", Date.now())]) {
    const refused = await api(stranger, "DELETE", `/api/v1/user/sessions/${id}`);
    bodies.add(`${refused.status}${(await refused.text()).replace(/req_\w+/, "")}`);
  }
  expect([...bodies]).toEqual([expect.stringMatching(/^404/)]);

  const everywhere = await api(phone, "DELETE", "/api/v1/user/sessions");
  expect(await everywhere.json()).toEqual({ object: "sessions", deleted: true, count: 2 });
  for (const user of [laptop, phone]) expect((await api(user, "GET", "/api/v1/user/sessions")).status).toBe(401);
  expect((await api(stranger, "GET", "/api/v1/user/sessions")).status).toBe(200);
});

test("an answer is worth nothing in another browser, twice, at once, late or without its state", async () => {
  const [user, thief] = [browser(), browser()];
  const callback = await throughProvider(user, "sam");
  // Caught on the way: without the cookie, and with another one.
  expect((await open(thief, callback)).status).toBe(400);
  await open(thief, "/login/local");
  expect((await open(thief, callback)).status).toBe(400);
  const [one, two] = await Promise.all([open(user, callback), open(user, callback)]);
  expect([one.status, two.status].toSorted()).toEqual([303, 400]);

  const late = await throughProvider(user, "sam");
  await ownerRows(sql`update login_states set issued_at = issued_at - interval '11 minutes' where used_at is null`);
  expect((await open(user, late)).status).toBe(400);
  for (const query of ["", "?state=x&code=y", "?code=y"]) {
    const page = await open(user, `/login/callback/local${query}`);
    expect([page.status, page.headers.get("content-type")]).toEqual([400, "text/html; charset=utf-8"]);
  }
  // A code of one sign-in with the state of another: PKCE and the provider's own check.
  const [mine, other] = [await throughProvider(user, "sam"), await throughProvider(thief, "una")];
  const mixed = new URLSearchParams(mine.split("?")[1]);
  mixed.set("code", new URLSearchParams(other.split("?")[1]).get("code") ?? "");
  expect((await bring(user, mixed, "local")).status).toBe(403);
  expect(await refusedLately()).toBe("code-refused");
  expect((await open(user, await throughProvider(user, null))).status).toBe(403);
  expect(await refusedLately()).toBe("denied");
});

test("whatever a provider forges is refused, and says why in the history alone", PATIENT, async () => {
  const sessions = () => ownerRows<{ n: number }>(sql`select count(*)::int as n from sessions`);
  const before = await sessions();
  const now = Math.floor(Date.now() / 1000);
  const cases: [string, number, Record<string, unknown>, Record<string, string | null>?][] = [
    ["token-invalid", 403, { nonce: "another" }],
    ["answer-invalid", 403, { nonce: undefined }],
    ["token-invalid", 403, { aud: "somebody-else" }],
    ["token-invalid", 403, { aud: ["ebb", "somebody-else"] }],
    ["token-invalid", 403, { iss: "https://accounts.example" }],
    ["token-expired", 403, { iat: now - 900, lifetimeS: -600 }],
    ["answer-invalid", 403, { foreignKey: true }],
    ["answer-invalid", 403, { sub: undefined }],
    ["provider-unreachable", 502, { broken: true }],
    ["provider-unreachable", 502, { large: true }],
    ["provider-unreachable", 502, { redirect: "http://127.0.0.1:1/" }],
    ["answer-invalid", 403, {}, { iss: "https://accounts.example" }],
    ["answer-invalid", 403, {}, { iss: null }],
    ["provider-error", 502, {}, { error: "server_error", code: null }],
  ];
  for (const [reason, status, claims, parameters = {}] of cases) {
    const user = browser();
    const { answer } = await forgedAnswer(user, claims);
    for (const [name, value] of Object.entries(parameters)) {
      if (value === null) answer.delete(name);
      else answer.set(name, value);
    }
    const response = await bring(user, answer);
    expect([claims, parameters, response.status, await refusedLately()]).toEqual([claims, parameters, status, reason]);
    expect(secretOf(user)).toBe("");
    expect(await response.text()).not.toContain(reason);
  }
  expect(await sessions()).toEqual(before);
  // The positive control: the same without a forgery.
  await forgedSignIn("fine@forged.example");
  expect(await sessions()).toEqual([{ n: (before[0]?.n ?? 0) + 1 }]);
});

test("a provider gets no other's code, also where that one says nothing of its issuer (RFC 9700 section 4.4)", async () => {
  const { forger } = inject("providers");
  const [honest, evil] = [`${forger}/quiet-${crypto.randomUUID()}`, `${forger}/quiet-${crypto.randomUUID()}`];
  const declared = (id: string, issuer: string) => ({
    ...{ id, name: id, issuer, client_id: "ebb", client_secret: "secret", trusts_email: true },
  });
  const OIDC_PROVIDERS = JSON.stringify([declared("honest", honest), declared("other", evil)]);
  const app = createApp(await createDeps({ ...localEnv(), OIDC_PROVIDERS }));
  const victim = () => new Browser(async (request) => await app.fetch(request));
  const seen = async (issuer: string) => await (await fetch(`${issuer}/seen`)).json();
  const tenant = await testTenant();
  const created = await app.fetch(
    new Request(`${HERE}/api/v1/identity-providers`, {
      method: "POST",
      headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "Evil", issuer: evil, client_id: "evil", client_secret: "x" }),
    }),
  );
  const { id: own } = await created.json<{ id: string }>();
  for (const attacker of ["other", own]) {
    // The victim chooses the attacker's provider, which sends them on to the honest one, with its own state.
    const user = victim();
    const { answer } = await forgedAnswer(user, { aud: "ebb" }, attacker);
    answer.delete("iss");
    expect([attacker, (await bring(user, answer, "honest")).status]).toEqual([attacker, 403]);
    expect([await refusedLately(), secretOf(user)]).toEqual(["answer-invalid", ""]);
    // And the state has been used up by it.
    expect((await bring(user, answer, attacker)).status).toBe(400);
    expect([await seen(evil), await seen(honest)]).toEqual([[], []]);
  }
  // The positive control: its own code, at its own address, which the token request names too.
  const user = victim();
  const { answer, begun } = await forgedAnswer(user, {}, "honest");
  answer.delete("iss");
  expect((await bring(user, answer, "honest")).status).toBe(303);
  expect([begun.searchParams.get("redirect_uri"), await seen(honest)]).toEqual([
    `${HERE}/login/callback/honest`,
    [`${HERE}/login/callback/honest`],
  ]);
  // There is no address that all share, and the certified provider sends nobody to another's.
  expect((await open(user, `/login/callback?${answer}`)).status).toBe(404);
  const asked = new URL(location(await open(browser(), "/login/local")));
  asked.searchParams.set("redirect_uri", `${HERE}/login/callback/${own}`);
  expect((await browser().open(asked.toString())).status).toBe(400);
});

test("after signing in one goes to a path of ours, never elsewhere", async () => {
  for (const [wanted, path] of [
    ["/invitation", "/invitation"],
    ["//evil.example/", "/account"],
    ["/\\evil.example", "/account"],
    ["https://evil.example/", "/account"],
    ["javascript:alert(1)", "/account"],
    ["/a\u0000b", "/account"],
  ]) {
    const user = browser();
    const begun = await open(user, `/login/forger?return_to=${encodeURIComponent(wanted ?? "")}`);
    const { searchParams } = new URL(location(begun));
    const said = { sub: "path", aud: "ebb", nonce: searchParams.get("nonce") };
    const code = btoa(JSON.stringify(said)).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
    const answer = new URLSearchParams({
      state: searchParams.get("state") ?? "",
      code,
      iss: inject("providers").forger,
    });
    expect([wanted, location(await bring(user, answer))]).toEqual([wanted, path]);
  }
});

test("a change takes our own page's token and origin; a token or key of another kind is nobody's session", async () => {
  const user = browser();
  await signIn(user, "sam");
  const [token, path] = [await csrfToken(secretOf(user)), "/logout"];
  const body = (csrf_token: string) => new URLSearchParams({ csrf_token }).toString();
  const type = { "content-type": "application/x-www-form-urlencoded" };
  for (const [headers, sent] of [
    [{ ...type, origin: "https://evil.example" }, token],
    [{ ...type, origin: "null" }, token],
    [type, token],
    [{ ...type, origin: HERE }, "x"],
    [{ ...type, origin: HERE }, await csrfToken("another")],
  ] as const) {
    const refused = await open(user, path, { method: "POST", headers, body: body(sent) });
    expect([headers, refused.status]).toEqual([headers, 403]);
  }
  const plain = { method: "DELETE", headers: { origin: HERE } };
  expect((await open(user, "/api/v1/user/sessions", plain)).status).toBe(403);
  expect((await open(user, "/account")).status).toBe(200);

  const tenant = await testTenant();
  const authorization = `Bearer ${tenant.apiKey}`;
  for (const [method, name] of [
    ["GET", "sessions"],
    ["GET", "events"],
    ["GET", "tenants"],
    ["DELETE", "sessions"],
  ]) {
    const nobody = await open(browser(), `/api/v1/user/${name}`, { method: method ?? "", headers: { authorization } });
    expect([name, nobody.status]).toEqual([name, 404]);
    // A token is for its tenant: of its person's others it tells nothing, there or anywhere.
    const owned = { authorization: `Bearer ${await tokenOf(tenant, (await personIn(tenant, "owner")).id)}` };
    const told = await open(browser(), `/api/v1/user/${name}`, { method: method ?? "", headers: owned });
    expect([name, told.status]).toEqual([name, 403]);
    expect((await open(browser(), "/api/v1/user", { headers: owned })).status).toBe(200);
  }
});

/** A personal access token with a scope that reads one thing. */
async function tokenOf(tenant: TestTenant, personId: Id<"person">): Promise<string> {
  const secret = await mintRoutingId("personal-access-token", tenant.gateId, await testRoutingKeys());
  await ownerRows(sql`
    insert into credentials (id, tenant_id, kind, name, secret_hash, permissions, person_id, created_at)
    values (gen_random_uuid(), ${uuidFromId("tenant", tenant.id)}, 'personal-access-token', 't',
            ${`\\x${toHex(await hashSecret(secret))}`}::bytea, '{members:read}', ${uuidFromId("person", personId)}, now())`);
  return secret;
}

async function invite(
  tenant: TestTenant,
  email: string,
  more: { role?: string; validUntil?: string; revoked?: boolean } = {},
) {
  const id = newId("invitation", Date.now());
  const token = await invitationToken(id, await testRoutingKeys());
  await ownerRows(sql`
    insert into invitations (id, tenant_id, email, role, secret_hash, created_at, valid_until, revoked_at)
    values (${uuidFromId("invitation", id)}, ${uuidFromId("tenant", tenant.id)}, ${email}, ${more.role ?? "member"},
            ${`\\x${toHex(await hashSecret(token))}`}::bytea, now(), ${more.validUntil ?? "2090-01-01"}::timestamptz,
            ${more.revoked === true ? new Date().toISOString() : null}::timestamptz)`);
  return { id, token };
}
const accept = async (user: Browser, token: string) => {
  const response = await api(user, "POST", "/api/v1/invitations/accept", { token });
  return { status: response.status, ...(await response.json<{ error?: string; id?: string; role?: string }>()) };
};

test("an invitation is accepted once, by its verified address alone, and by nobody else", async () => {
  const tenant = await testTenant({ name: "Acme & Sons" });
  const address = `${crypto.randomUUID()}@People.example`;
  const { token } = await invite(tenant, address, { role: "admin" });
  const refusals: [Browser, string][] = [
    [await forgedSignIn("other@people.example"), "invitation-for-another"],
    [await forgedSignIn(address, "forger", { email_verified: false }), "invitation-for-another"],
    // The same address, verified, but by a provider that is not trusted with addresses.
    [await forgedSignIn(address, "untrusted"), "invitation-for-another"],
  ];
  for (const [user, error] of refusals) expect(await accept(user, token)).toMatchObject({ status: 403, error });
  const user = await forgedSignIn(address.toUpperCase());
  expect(await accept(user, `ebbi_${"A".repeat(64)}`)).toMatchObject({ status: 404 });
  const [one, two] = await Promise.all([accept(user, token), accept(user, token)]);
  expect(one).toMatchObject({ status: 200, role: "admin", tenant_id: tenant.id, tenant_name: "Acme & Sons" });
  expect(two).toEqual(one);
  const own = await (await api(user, "GET", "/api/v1/user/tenants")).json<{ data: unknown[] }>();
  expect(own.data).toEqual([expect.objectContaining({ id: tenant.id, role: "admin", controller: null })]);
  // The gate has heard it already: nothing waits in its outbox.
  const waiting = sql`select from outbox where delivered_at is null and tenant_id = ${uuidFromId("tenant", tenant.id)}`;
  expect(await ownerRows(waiting)).toEqual([]);
  // Somebody else with the same verified address: used.
  const twin = await forgedSignIn(address);
  expect(await accept(twin, token)).toMatchObject({ status: 409, error: "invitation-used" });
  const second = await invite(tenant, address);
  expect(await accept(user, second.token)).toMatchObject({ status: 409, error: "conflict" });
  for (const [more, status, error] of [
    [{ validUntil: "2020-01-01" }, 403, "invitation-expired"],
    [{ revoked: true }, 409, "invitation-used"],
  ] as const) {
    // An invitation past its end is kept for 30 days only.
    const expired = await invite(tenant, address, more);
    if (error === "invitation-expired") {
      await ownerRows(
        sql`update invitations set valid_until = now() - interval '1 second' where id = ${uuidFromId("invitation", expired.id)}`,
      );
    }
    expect(await accept(twin, expired.token)).toMatchObject({ status, error });
  }
  const audit = await ownerRows<{ action: string; actor_kind: string }>(
    sql`select action, actor_kind from audit_entries where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  expect(audit).toEqual([{ action: "invitation.accepted", actor_kind: "person" }]);
});

test("the link of an invitation leads over a cookie and a sign-in to its button; a client sees whose client it is", async () => {
  const platform = await testTenant({ kind: "platform" });
  const reseller = await testTenant({ kind: "reseller", parent: platform, name: "Initech" });
  const client = await testTenant({ kind: "client", parent: reseller, name: "<Globex>" });
  await ownerRows(sql`
    insert into brands (id, tenant_id, name, logo_url, privacy_contact, set_at)
    values (gen_random_uuid(), ${uuidFromId("tenant", reseller.id)}, 'Initech Cloud', 'https://initech.example/logo.svg?v=1', 'privacy@initech.example', now())`);
  const address = `${crypto.randomUUID()}@people.example`;
  const { token } = await invite(client, address);
  const user = await forgedSignIn(address);
  const moved = await open(user, `/invitation?token=${token}`);
  expect([moved.status, location(moved)]).toEqual([303, "/invitation"]);
  expect(await moved.text()).toBe("");
  const page = await (await open(user, "/invitation")).text();
  expect(page).toContain("&lt;Globex&gt;");
  expect(page).not.toContain(token);
  expect(location(await form(user, "/invitation", {}))).toBe("/account");
  const account = await open(user, "/account");
  expect(account.headers.get("content-security-policy")).toContain("img-src https://initech.example/logo.svg");
  const text = await account.text();
  for (const said of ["Initech Cloud", "controller of your data", "privacy@initech.example", "&lt;Globex&gt;"]) {
    expect(text).toContain(said);
  }
  // The cookie is gone with it.
  expect((await open(user, "/invitation")).status).toBe(404);
  const stranger = browser();
  expect((await open(stranger, `/invitation?token=ebbi_${"A".repeat(64)}`)).status).toBe(303);
  expect((await open(stranger, "/invitation")).status).toBe(404);
});

/** These keys, and one more that is the current one. */
async function newRoutingKeys({ keys }: RoutingKeys, current: number): Promise<RoutingKeys> {
  const fresh = await loadRoutingKeys(JSON.stringify({ current, keys: { [current]: newSecret() } }));
  return { current, keys: new Map([...keys, ...fresh.keys]) };
}

test("mail is sent once, tried again with pauses, and not for an invitation that was withdrawn", PATIENT, async () => {
  const tenant = await testTenant();
  const domain = `@${crypto.randomUUID()}.example`;
  const sent: Message[] = [];
  let broken = true;
  const worker = await createDeps(localEnv());
  // The keys were rotated between the invitation and its mail, to one that sorts before and one after.
  const rotated = (id: number) => newRoutingKeys(worker.routingKeys, id);
  const deps = {
    ...worker,
    routingKeys: await rotated(worker.routingKeys.current + 1),
    mail: {
      send: async (message: Message) => {
        if (broken) throw new Error("no");
        // The outbox is every test's.
        if (message.to.endsWith(domain)) sent.push(message);
      },
    },
  };
  const mail = async (id: Id<"invitation">, recipient: string) =>
    await ownerRows(sql`
      insert into mail_outbox (id, tenant_id, recipient, template, parameters, attempts, recorded_at)
      values (${uuidFromId("mail", newId("mail", Date.now()))}, ${uuidFromId("tenant", tenant.id)}, ${recipient}, 'invitation',
              ${JSON.stringify({ invitation_id: id, tenant_name: "Acme\r\nBcc: x", inviter: "<b>Ada</b>", role: "admin" })}::jsonb, 0, now())`);
  const open_ = await invite(tenant, `a${domain}`);
  const withdrawn = await invite(tenant, `b${domain}`, { revoked: true });
  await mail(open_.id, `a${domain}`);
  await mail(withdrawn.id, `b${domain}`);
  const mine = sql`where tenant_id = ${uuidFromId("tenant", tenant.id)} and recipient = ${`a${domain}`}`;
  const state = async () =>
    (
      await ownerRows<{ attempts: number; sent: boolean; parameters: object }>(
        sql`select attempts, sent_at is not null as sent, parameters from mail_outbox ${mine}`,
      )
    )[0];
  await sendAllMail(deps);
  expect(await state()).toMatchObject({ attempts: 1, sent: false });
  broken = false;
  // Its pause has not passed.
  await sendAllMail(deps);
  expect(await state()).toMatchObject({ attempts: 1, sent: false });
  await ownerRows(sql`update mail_outbox set recorded_at = recorded_at - interval '3 minutes' ${mine}`);
  await Promise.all([sendAllMail(deps), sendAllMail(deps)]);
  expect(sent).toEqual([
    {
      to: `a${domain}`,
      subject: "Invitation to Acme Bcc: x",
      text: expect.stringContaining(`${HERE}/invitation?token=${open_.token}`),
      html: expect.stringContaining("&lt;b&gt;Ada&lt;/b&gt;"),
    },
  ]);
  const row = await state();
  expect(row).toMatchObject({ attempts: 2, sent: true });
  // Sent again after one more rotation it is the same link. Without the key there is none, and nothing is sent.
  const resent = async (routingKeys: RoutingKeys) => {
    await mail(open_.id, `a${domain}`);
    await sendAllMail({ ...deps, routingKeys });
    return sent.splice(0).map(({ text }) => text.includes(`token=${open_.token}\n`));
  };
  sent.splice(0);
  expect(await resent(await rotated(0))).toEqual([true]);
  const { current, keys } = await rotated(7);
  expect(await resent({ current, keys: new Map([...keys].filter(([id]) => id === current)) })).toEqual([]);
  expect(JSON.stringify(row)).not.toContain(open_.token);
});

test("a Worker with the local provider or mailbox does not start under a public address", async () => {
  const { binding } = inject("providers");
  for (const [more, message] of [
    [{ OIDC_PROVIDERS: binding }, "OIDC_PROVIDERS names the local provider"],
    [{ MAIL_LOCAL_ENDPOINT: "http://127.0.0.1:1/messages/x" }, "MAIL_LOCAL_ENDPOINT names the local mailbox"],
    [{ OIDC_PROVIDERS: binding.replaceAll("http:", "https:") }, "OIDC_PROVIDERS names"],
    [{ OIDC_PROVIDERS: '[{"id":"x"}]' }, "OIDC_PROVIDERS is not a list of providers"],
    [{ OIDC_PROVIDERS: binding.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "https://10.0.0.1") }, "OIDC_PROVIDERS names"],
  ] as const) {
    await expect(createDeps({ ...env, ...more })).rejects.toThrow(message);
  }
  await createDeps({ ...env, OIDC_PROVIDERS: binding.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "https://id.example") });
});

test("a session ends after 90 days, and a clock an hour off does not let an expired token in", async () => {
  const user = browser();
  const secret = await signIn(user, "sam");
  await ownerRows(
    sql`update sessions set issued_at = issued_at - interval '91 days' where secret_hash = ${`\\x${toHex(await hashSecret(secret))}`}::bytea`,
  );
  expect((await api(user, "GET", "/api/v1/user/sessions")).status).toBe(401);
  expect(location(await open(user, "/account"))).toBe("/login");
  const fast = createApp({ ...(await createDeps(localEnv())), clock: { now: () => Date.now() + HOUR_MS } });
  const late = new Browser(async (request) => await fast.fetch(request));
  const { answer } = await forgedAnswer(late, {});
  expect((await bring(late, answer)).status).toBe(403);
  expect(await refusedLately()).toBe("token-expired");
});

test("whoever has expired is told so, and not let in until the purge has come", async () => {
  const sub = crypto.randomUUID();
  await forgedSignIn("old@forged.example", "forger", { sub });
  await ownerRows(sql`update people set removed_at = now() - interval '91 days' where subject = ${sub}`);
  const user = browser();
  const { answer } = await forgedAnswer(user, { sub });
  const page = await bring(user, answer);
  expect([page.status, await refusedLately(), secretOf(user)]).toEqual([403, "person-expired", ""]);
  expect(await page.text()).toContain("waits to be deleted");
});

test("the first operator becomes the platform's owner by the verified address, once", async () => {
  const first = `${crypto.randomUUID()}@operator.example`;
  const app = createApp(await createDeps({ ...localEnv(), FIRST_OPERATOR: first }));
  const enter = async (email: string, provider: string, claims = {}) => {
    const user = new Browser(async (request) => await app.fetch(request));
    const { answer } = await forgedAnswer(user, { email, email_verified: true, ...claims }, provider);
    expect((await bring(user, answer, provider)).status).toBe(303);
    return (await (await api(user, "GET", "/api/v1/user/tenants")).json<{ data: { role: string; kind: string }[] }>())
      .data;
  };
  await testTenant({ kind: "platform" });
  const [oldest] = await ownerRows<{ id: string }>(
    sql`select id from tenants where kind = 'platform' order by id limit 1`,
  );
  await ownerRows(sql`delete from memberships where tenant_id = ${oldest?.id}`);
  expect(await enter(first, "untrusted")).toEqual([]);
  expect(await enter(first, "forger", { email_verified: false })).toEqual([]);
  expect(await enter(`x${first}`, "forger")).toEqual([]);
  const owners = (await Promise.all([enter(first, "forger"), enter(first, "forger")])).flat();
  expect(owners).toEqual([
    expect.objectContaining({ role: "owner", kind: "platform", id: idFromUuid("tenant", oldest?.id ?? "") }),
  ]);
  expect(await enter(first, "forger")).toEqual([]);
});

test("a tenant's own provider vouches for that tenant alone, and takes its people along when it is removed", async () => {
  const [tenant, beside] = [await testTenant(), await testTenant()];
  const bearer = (owner: TestTenant) => ({
    authorization: `Bearer ${owner.apiKey}`,
    "content-type": "application/json",
  });
  const wanted = {
    name: "Own <provider>",
    issuer: inject("providers").forger,
    client_id: "ebb",
    client_secret: "very-secret",
  };
  const create = (body: object, owner = tenant) =>
    open(browser(), "/api/v1/identity-providers", {
      method: "POST",
      headers: bearer(owner),
      body: JSON.stringify(body),
    });
  for (const issuer of ["http://id.example.org", "https://169.254.169.254", "https://localhost", "file:///etc", "x"]) {
    expect([issuer, (await create({ ...wanted, issuer })).status]).toEqual([issuer, 400]);
  }
  const created = await create(wanted);
  const text = await created.text();
  expect([created.status, text.includes("very-secret")]).toEqual([201, false]);
  const { id } = JSON.parse(text) as { id: string };
  expect((await create(wanted)).status).toBe(409);
  const [row] = await ownerRows<{ client_secret: string }>(
    sql`select encode(client_secret, 'escape') as client_secret from identity_providers where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  expect(row?.client_secret).not.toContain("very-secret");

  const page = await (await open(browser(), `/login?organisation=${tenant.id}`)).text();
  expect(page).toContain(`/login/${id}?`);
  expect(page).toContain("Own &lt;provider&gt;");
  expect(await (await open(browser(), `/login?organisation=${beside.id}`)).text()).not.toContain(id);
  const sub = crypto.randomUUID();
  const address = `${sub}@own.example`;
  const user = await forgedSignIn(address, id, { sub });
  // The same issuer and subject through the deployment is somebody else.
  const other = await forgedSignIn(address, "forger", { sub });
  const rows = await ownerRows<{ id: string; tenant: string | null }>(
    sql`select id, provider_tenant_id as tenant from people where subject = ${sub} order by tenant nulls last`,
  );
  expect(rows.map((person) => person.tenant)).toEqual([uuidFromId("tenant", tenant.id), null]);

  const elsewhere = await invite(beside, address);
  expect(await accept(user, elsewhere.token)).toMatchObject({ status: 403, error: "invitation-for-another" });
  await expect(
    ownerRows(sql`
      insert into memberships (id, tenant_id, person_id, role, created_at)
      values (gen_random_uuid(), ${uuidFromId("tenant", beside.id)}, ${rows[0]?.id}, 'member', now())`),
  ).rejects.toMatchObject({ cause: { code: "EB405" } });
  expect(await accept(other, elsewhere.token)).toMatchObject({ status: 200 });
  expect(await accept(user, (await invite(tenant, address)).token)).toMatchObject({ status: 200 });

  const remove = (owner: TestTenant) =>
    open(browser(), `/api/v1/identity-providers/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${owner.apiKey}` },
    });
  expect((await remove(beside)).status).toBe(404);
  expect((await api(user, "GET", "/api/v1/user/tenants")).status).toBe(200);
  const token = await tokenOf(tenant, idFromUuid("person", rows[0]?.id ?? ""));
  const kept = await tokenOf(beside, idFromUuid("person", rows[1]?.id ?? ""));
  const members = async (secret: string) =>
    (await open(browser(), "/api/v1/members", { headers: { authorization: `Bearer ${secret}` } })).status;
  expect([await members(token), await members(kept)]).toEqual([200, 200]);
  const pending = await forgedAnswer(user, { sub, email: address }, id);
  expect(await (await remove(tenant)).json()).toMatchObject({ id, deleted: true, effective: true });
  expect([await members(token), await members(kept)]).toEqual([401, 200]);
  // The gate itself refuses it: what it was told is no longer in the outbox.
  expect(
    await ownerRows(
      sql`select from outbox where delivered_at is null and tenant_id = ${uuidFromId("tenant", tenant.id)}`,
    ),
  ).toEqual([]);
  expect((await api(user, "GET", "/api/v1/user/tenants")).status).toBe(401);
  expect((await api(other, "GET", "/api/v1/user/tenants")).status).toBe(200);
  expect((await bring(user, pending.answer, id)).status).toBe(400);
  expect((await open(browser(), `/login/${id}`)).status).toBe(404);
});
