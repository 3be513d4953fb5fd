import { sql } from "drizzle-orm";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { hashSecret } from "../src/access/secret.ts";
import { MINUTE_MS, SECOND_MS } from "../src/core/clock.ts";
import { uuidFromId } from "../src/core/id.ts";
import { bytesToSql } from "../src/db/columns.ts";
import { call, ORIGIN } from "../src/testing/instance.ts";
import {
  answered,
  codeFor,
  codeRequest,
  exchange,
  introspected,
  oauthScene,
  sees,
  workerAt,
} from "../src/testing/oauth-scene.ts";
import {
  asksConsent,
  authorize,
  consentAs,
  cookieOf,
  hiddenFields,
  postPage,
  proof,
  REDIRECT_URI,
  refreshWith,
  registerClient,
  sentOnTo,
  type Tokens,
} from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

const PUBLIC = { token_endpoint_auth_method: "none" };
const GONE = [400, "invalid_grant"];
/** Where a client hears what is wrong with its request, from somebody who has signed in. */
const toldAt = async (person: TestPerson, query: Record<string, string>) =>
  await sentOnTo((await asksConsent(person, query)).page);

test("a public client signs somebody in with a code and PKCE", async () => {
  const { client, person, tenant } = await oauthScene(PUBLIC);
  expect(client.client_secret).toBeUndefined();
  const response = await exchange(client, await codeFor(client, person, { scopes: ["profile:read", "assistant"] }));
  expect(response.status).toBe(200);
  const tokens = await response.json<Tokens & { token_type: string }>();
  expect(tokens).toEqual({
    access_token: expect.stringMatching(/^eyJ/),
    token_type: "Bearer",
    expires_in: 7 * 86_400,
    refresh_token: expect.stringMatching(/^ebbt_/),
    scope: "profile:read assistant",
  });
  const claims = decodeJwt(tokens.access_token);
  expect(claims).toMatchObject({ sub: person.id, client_id: client.client_id, tenant: tenant.id, iss: ORIGIN });
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  expect(await sees(tokens.access_token, "/instance/user/profile")).toEqual([200, null]);
  expect((await refreshWith(client, tokens.refresh_token as string)).status).toBe(200);
});

test("a confidential client may do without PKCE, never without its secret", async () => {
  const { client, person } = await oauthScene();
  const query = { response_type: "code", client_id: client.client_id, redirect_uri: REDIRECT_URI };
  const code = (await consentAs(person, query)).searchParams.get("code") as string;
  const form = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  const at = await workerAt(0);
  const id = { client_id: client.client_id };
  expect(await answered(await at("/oauth2/token", { ...form, ...id }))).toEqual([401, "invalid_client"]);
  const wrong = { ...proof(client), client_secret: "x".repeat(43) };
  expect(await answered(await at("/oauth2/token", { ...form, ...wrong }))).toEqual([401, "invalid_client"]);
  expect((await at("/oauth2/token", { ...form, ...proof(client) })).status).toBe(200);
});

test("a code is bound to its challenge: another request's verifier does not redeem it", async () => {
  const { client, person } = await oauthScene(PUBLIC);
  const [one, other] = [await codeFor(client, person), await codeFor(client, person)];
  for (const [code, verifier] of [
    [one.code, other.verifier],
    [other.code, one.verifier],
  ] as const) {
    expect(await answered(await exchange(client, { code, verifier }))).toEqual(GONE);
  }
  // A wrong verifier spends nothing: whoever found the code cannot spoil it.
  for (const made of [one, other]) expect((await exchange(client, made)).status).toBe(200);
});

test("a code is redeemed by its own client, within ten minutes, with the same redirect URI", async () => {
  const { tenant, client, person } = await oauthScene();
  const strangers = [await registerClient(tenant), await registerClient(tenant, PUBLIC)];
  const made = await codeFor(client, person);
  for (const stranger of strangers) expect(await answered(await exchange(stranger, made))).toEqual(GONE);
  for (const redirect_uri of [`${REDIRECT_URI}/`, `${REDIRECT_URI}?`, "HTTPS://app.example/callback", ""]) {
    expect(await answered(await exchange(client, made, { redirect_uri })), redirect_uri).toEqual(GONE);
  }
  const form = {
    ...proof(client),
    grant_type: "authorization_code",
    redirect_uri: REDIRECT_URI,
    code: made.code,
    code_verifier: made.verifier,
  };
  const after = await workerAt(10 * MINUTE_MS);
  expect(await answered(await after("/oauth2/token", form))).toEqual(GONE);
  const before = await workerAt(10 * MINUTE_MS - 30 * SECOND_MS);
  expect((await before("/oauth2/token", form)).status).toBe(200);
});

test("a code shown again is refused, and the tokens that came of it end", async () => {
  const { tenant, client, person } = await oauthScene();
  const made = await codeFor(client, person);
  const tokens = await (await exchange(client, made)).json<Tokens>();
  // Another client that shows it ends nothing.
  expect(await answered(await exchange(await registerClient(tenant), made))).toEqual(GONE);
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  // Whatever else is wrong with the replay: who holds the code is not who signed in.
  expect(await answered(await exchange(client, made, { code_verifier: "x".repeat(43) }))).toEqual(GONE);
  for (const path of ["/instance/user/session", "/instance/user/profile"]) {
    expect(await sees(tokens.access_token, path)).toEqual([401, "sign-in-ended"]);
  }
  expect(await answered(await refreshWith(client, tokens.refresh_token as string))).toEqual(GONE);
  expect(await introspected(client, tokens.access_token)).toEqual([200, { active: false }]);
});

test("a spent code of a public client ends nothing for whoever shows it without the verifier", async () => {
  const { client, person } = await oauthScene(PUBLIC);
  const made = await codeFor(client, person);
  const { access_token } = await (await exchange(client, made)).json<Tokens>();
  for (const code_verifier of ["", "x".repeat(43)]) {
    expect(await answered(await exchange(client, made, { code_verifier }))).toEqual(GONE);
  }
  expect(await sees(access_token)).toEqual([200, null]);
  // The control: with the verifier two hold the code.
  expect(await answered(await exchange(client, made))).toEqual(GONE);
  expect(await sees(access_token)).toEqual([401, "sign-in-ended"]);
});

test("a code tells nothing of its request: it is kept as a hash alone, and is random", async () => {
  const { client, person } = await oauthScene();
  const [one, other] = [await codeFor(client, person), await codeFor(client, person)];
  const bytes = ({ code }: { code: string }) => atob(code.slice(5).replaceAll("-", "+").replaceAll("_", "/"));
  // Version, key, region and gate, which lead to the tenant; then 32 random bytes, and the HMAC.
  expect(one.code).toMatch(/^ebba_[A-Za-z0-9_-]+$/);
  expect(bytes(one)).toHaveLength(13 + 32 + 10);
  expect(bytes(one).slice(0, 13)).toBe(bytes(other).slice(0, 13));
  expect(bytes(one).slice(13, 45)).not.toBe(bytes(other).slice(13, 45));
  const rows = await ownerRows<{ row: string; hash: string }>(
    sql`select c::text as row, '\\x' || encode(code_hash, 'hex') as hash from authorization_codes c
         where client_id = ${client.client_id}`,
  );
  expect(rows.map(({ hash }) => hash)).toContain(bytesToSql(await hashSecret(one.code)));
  expect(rows).toHaveLength(2);
  for (const { code, verifier } of [one, other]) {
    expect(JSON.stringify(rows)).not.toContain(code);
    expect(JSON.stringify(rows)).not.toContain(verifier);
  }
});

test("a public client that sends no challenge is told so at its redirect URI", async () => {
  const { client, person } = await oauthScene(PUBLIC);
  const { query } = await codeRequest(client, { state: "s" });
  const { code_challenge, code_challenge_method, ...bare } = query;
  for (const sent of [
    bare,
    { ...bare, code_challenge_method },
    { ...bare, code_challenge },
    { ...query, code_challenge_method: "plain" },
    { ...query, code_challenge: "short" },
  ]) {
    const location = await toldAt(person, sent);
    expect(location.origin + location.pathname).toBe(REDIRECT_URI);
    expect(Object.fromEntries(location.searchParams)).toEqual({
      error: "invalid_request",
      error_description: expect.any(String),
      state: "s",
      iss: ORIGIN,
    });
  }
});

test("what is wrong with a request, but for its client and redirect URI, is told to the client there", async () => {
  const { client, person } = await oauthScene();
  const { query } = await codeRequest(client, { state: "s" });
  const { response_type: _, ...untyped } = query;
  const errors: [Record<string, string>, string][] = [
    [untyped, "invalid_request"],
    [{ ...query, response_type: "token" }, "unsupported_response_type"],
    [{ ...query, response_mode: "fragment" }, "invalid_request"],
    [{ ...query, scope: "admin" }, "invalid_scope"],
    [{ ...query, scope: "assistant" }, "invalid_scope"],
    [{ ...query, scope: "x ".repeat(2_000) }, "invalid_scope"],
    [{ ...query, response_type: "x".repeat(2_000) }, "unsupported_response_type"],
    [{ ...query, code_challenge: "x".repeat(2_000) }, "invalid_request"],
  ];
  for (const [sent, error] of errors) {
    const location = await toldAt(person, sent);
    const said = { error, error_description: expect.stringMatching(/^[A-Z][^<>"\\]+\.$/), state: "s", iss: ORIGIN };
    expect(Object.fromEntries(location.searchParams)).toEqual(said);
  }
});

test("nobody is sent anywhere before they have signed in, nor by a client that nobody has claimed but by their own hand", async () => {
  const { client, person } = await oauthScene();
  const phishing = await registerClient(null, { ...PUBLIC, redirect_uris: ["https://phish.example/login"] });
  for (const [asking, redirect_uri] of [
    [client, REDIRECT_URI],
    [phishing, "https://phish.example/login"],
  ] as const) {
    const { query } = await codeRequest(asking, { redirect_uri, response_type: "bogus", state: "s" });
    const sent = await authorize(query);
    expect([sent.status, sent.headers.get("location")]).toEqual([302, "/consent"]);
    const cookie = cookieOf(sent, "__Host-ebb-request");
    const stranger = await call("/consent", { redirect: "manual", headers: { cookie } });
    expect([stranger.status, stranger.headers.get("location")]).toEqual([303, "/login?return_to=%2Fconsent"]);
    const { page } = await asksConsent(person, query);
    const text = await page.text();
    expect(text).not.toContain("http-equiv");
    if (asking === client) {
      expect(page.status).toBe(303);
    } else {
      expect([page.status, page.headers.get("location")]).toEqual([400, null]);
      expect(text).toContain("Back to https://phish.example</a>");
      expect(text).toContain('href="https://phish.example/login?error=unsupported_response_type&amp;');
    }
    // Whoever has claimed it in an account of their own sends nobody else there either.
    const { page: elsewhere } = await asksConsent(await personIn(await testTenant(), "owner"), query);
    const sentThere = asking === client ? [404, null] : [400, null];
    expect([elsewhere.status, elsewhere.headers.get("location")]).toEqual(sentThere);
    // It cannot be approved as if it had been right.
    const { carried } = await asksConsent(person, query);
    expect((await postPage("/consent", person, { request: "x", answer: "approve" }, [carried])).status).toBe(409);
  }
});

test("what a browser brings to the page is checked again: a client, URI or problem that is none leads nowhere", async () => {
  const { client, person } = await oauthScene();
  const right = { client_id: client.client_id, redirect_uri: REDIRECT_URI, scope: "profile:read", state: null };
  const brought = async (more: Record<string, unknown>) => {
    const made = { ...right, code_challenge: null, problem: null, ...more };
    const carried = `__Host-ebb-request=${Buffer.from(JSON.stringify(made)).toString("base64url")}`;
    const { cookie } = await sessionHeaders(person);
    return await call("/consent", { redirect: "manual", headers: { cookie: `${cookie}; ${carried}` } });
  };
  expect((await brought({})).status).toBe(200);
  expect((await brought({ problem: "unsupported-response-type" })).status).toBe(303);
  for (const wrong of [
    { client_id: "ebbc_nobody" },
    { redirect_uri: "https://evil.example/" },
    { redirect_uri: "https://evil.example/", problem: "unsupported-response-type" },
    { problem: "no-such" },
    { problem: "constructor" },
    { problem: 7 },
  ]) {
    const response = await brought(wrong);
    expect([response.status, response.headers.get("location")], JSON.stringify(wrong)).toEqual([404, null]);
    expect(await response.text()).not.toContain("evil.example");
  }
});

/** What reads like the registered `https://app.example/callback`, to somebody or to some parser. */
const LOOK_ALIKES = [
  "https://app.example/callback/",
  "https://app.example/callback?",
  "https://app.example/callback#",
  "https://app.example/callback#@evil.example",
  "https://app.example/callback/../callback",
  "https://app.example/callback/..",
  "https://app.example/%63allback",
  "https://app.example//callback",
  "https://app.example:443/callback",
  "https://app.example./callback",
  "https://app.example.evil.example/callback",
  "https://app.example@evil.example/callback",
  "https://app.example%2Fcallback@evil.example/",
  "https://app.example\\@evil.example/callback",
  "https://evil.example/https://app.example/callback",
  "https://evil.example?https://app.example/callback",
  "https://sub.app.example/callback",
  "https://app.exаmple/callback",
  "http://app.example/callback",
  "HTTPS://app.example/callback",
  "https:app.example/callback",
  "https:/app.example/callback",
  "//app.example/callback",
  "///evil.example",
  " https://app.example/callback",
  "https://app.example/callback ",
  "https://app.example/callback\n",
  "https://app.example/callback\r\nSet-Cookie: a=b",
  "https://app.example/callback\0",
  "https://app.example/callback,https://evil.example",
  "https://app.example/callback https://evil.example",
  "javascript:alert(1)//https://app.example/callback",
  "data:text/html,https://app.example/callback",
  "/callback",
  "null",
];

test("a redirect URI that is not registered is told to the person, and nobody is sent there", async () => {
  const { client, person } = await oauthScene();
  const { query } = await codeRequest(client, { state: "s" });
  const { cookie = "" } = await sessionHeaders(person);
  for (const redirect_uri of LOOK_ALIKES) {
    for (const response of [
      await authorize({ ...query, redirect_uri }),
      await authorize({ ...query, redirect_uri, response_type: "nonsense" }, { cookie, accept: "text/html" }),
    ]) {
      expect([response.status, response.headers.get("location")], redirect_uri).toEqual([400, null]);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(await response.text()).not.toContain("evil.example");
    }
  }
  const { redirect_uri: _, ...without } = query;
  const unknown = { ...query, client_id: `${client.client_id.slice(0, -1)}x` };
  for (const sent of [without, unknown, { ...query, client_id: "" }]) {
    expect((await authorize(sent)).headers.get("location")).toBeNull();
  }
  // The control.
  expect((await authorize(query)).headers.get("location")).toBe("/consent");
});

test("the port of a loopback redirect URI may differ, and the code goes to the one that was named", async () => {
  const { client, person } = await oauthScene({ ...PUBLIC, redirect_uris: ["http://127.0.0.1/cb"] });
  const redirect_uri = "http://127.0.0.1:49152/cb";
  const { query, verifier } = await codeRequest(client, { redirect_uri });
  const back = await consentAs(person, query);
  expect(back.origin + back.pathname).toBe(redirect_uri);
  const code = back.searchParams.get("code") as string;
  const other = { redirect_uri: "http://127.0.0.1:49153/cb" };
  expect(await answered(await exchange(client, { code, verifier }, other))).toEqual(GONE);
  expect((await exchange(client, { code, verifier }, { redirect_uri })).status).toBe(200);
  for (const wrong of [
    "http://127.0.0.2:1/cb",
    "http://localhost:1/cb",
    "http://[::1]:1/cb",
    "http://127.0.0.1:1/cb/",
  ]) {
    expect((await authorize({ ...query, redirect_uri: wrong })).headers.get("location")).toBeNull();
  }
});

test("a repeated parameter of an authorization request is refused, and never redirected", async () => {
  const { client } = await oauthScene();
  const { query } = await codeRequest(client, { state: "s", scope: "profile:read" });
  for (const [name, value] of Object.entries(query)) {
    for (const second of [value, "https://evil.example/", ""]) {
      const text = `${new URLSearchParams(query)}&${new URLSearchParams([[name, second]])}`;
      const response = await call(`/oauth2/authorize?${text}`, { redirect: "manual" });
      expect([response.status, response.headers.get("location")], `${name}=${second}`).toEqual([400, null]);
      expect(await response.json()).toMatchObject({ error: "invalid_request" });
    }
  }
});

test("a wrong, a missing and a superfluous verifier are invalid_grant", async () => {
  const { client, person } = await oauthScene();
  const made = await codeFor(client, person);
  const wrong = ["x".repeat(43), "", made.verifier.slice(0, -1), `${made.verifier}x`, made.verifier.toLowerCase()];
  for (const code_verifier of wrong) {
    expect(await answered(await exchange(client, made, { code_verifier })), code_verifier).toEqual(GONE);
  }
  expect((await exchange(client, made)).status).toBe(200);
  // Somebody has taken the challenge out of the request: the client that still sends its verifier finds out.
  const query = { response_type: "code", client_id: client.client_id, redirect_uri: REDIRECT_URI };
  const code = (await consentAs(person, query)).searchParams.get("code") as string;
  expect(await answered(await exchange(client, { code, verifier: made.verifier }))).toEqual(GONE);
  expect((await exchange(client, { code, verifier: "" })).status).toBe(200);
});

test("an approval and a denial both go back with state and issuer", async () => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
  const { client, person } = await oauthScene({ redirect_uris: [`${REDIRECT_URI}?keep=a%20b`] });
  const redirect_uri = `${REDIRECT_URI}?keep=a%20b`;
  for (const state of [printable, "ü 漢 😀 %41 +", "&code=evil&iss=https://evil.example", "x".repeat(1_000)]) {
    const { query } = await codeRequest(client, { state, redirect_uri });
    const approved = await consentAs(person, query);
    const denied = await consentAs(person, query, "deny");
    for (const back of [approved, denied]) expect(back.href.startsWith(`${redirect_uri}&`)).toBe(true);
    expect([...approved.searchParams]).toEqual([
      ["keep", "a b"],
      ["code", expect.stringMatching(/^ebba_/)],
      ["state", state],
      ["iss", ORIGIN],
    ]);
    expect([...denied.searchParams]).toEqual([
      ["keep", "a b"],
      ["error", "access_denied"],
      ["state", state],
      ["iss", ORIGIN],
    ]);
  }
  const { query } = await codeRequest(client, { redirect_uri });
  expect((await consentAs(person, query)).searchParams.has("state")).toBe(false);
  // One that cannot be echoed whole is an error, and is not echoed in part.
  const { query: long } = await codeRequest(client, { redirect_uri, state: "x".repeat(1_001) });
  const refused = await toldAt(person, long);
  expect([refused.searchParams.get("error"), refused.searchParams.has("state")]).toEqual(["invalid_request", false]);
});

test("of many that redeem one code at once at most one gets tokens", async () => {
  const { client, person } = await oauthScene();
  const made = await codeFor(client, person);
  const responses = await Promise.all(Array.from({ length: 20 }, () => exchange(client, made)));
  const won = responses.filter(({ status }) => status === 200);
  const lost = await Promise.all(responses.filter(({ status }) => status !== 200).map(answered));
  expect(won).toHaveLength(1);
  expect(lost).toEqual(Array(19).fill(GONE));
  // Twenty hold the code, and one of them is not its client: what the winner got has ended.
  const { access_token, refresh_token } = await (won[0] as Response).json<Tokens>();
  expect(await sees(access_token)).toEqual([401, "sign-in-ended"]);
  expect(await answered(await refreshWith(client, refresh_token as string))).toEqual(GONE);
  const families = await ownerRows(sql`select ended_at is not null as ended from token_families
    where client_id = ${client.client_id}`);
  expect(families).toEqual([{ ended: true }]);
});

test("two at once, neither of which has read the other's use, end the sign-in all the same", async () => {
  const { client, person } = await oauthScene();
  for (let round = 0; round < 3; round++) {
    const made = await codeFor(client, person);
    const answers = await Promise.all([exchange(client, made), exchange(client, made)]);
    const won = answers.find(({ status }) => status === 200) as Response;
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    expect(await sees((await won.json<Tokens>()).access_token)).toEqual([401, "sign-in-ended"]);
  }
});

test("the code of somebody who has been removed meanwhile is invalid_grant", async () => {
  const { client, person } = await oauthScene();
  const made = await codeFor(client, person);
  const id = uuidFromId("person", person.id);
  await ownerRows(sql`update memberships set removed_at = now() where person_id = ${id}`);
  expect(await answered(await exchange(client, made))).toEqual(GONE);
  await ownerRows(sql`update memberships set removed_at = null where person_id = ${id}`);
  // Nothing was spent by it, and no sign-in is left behind.
  expect(await ownerRows(sql`select from token_families where client_id = ${client.client_id}`)).toEqual([]);
  expect((await exchange(client, made)).status).toBe(200);
});

test("whoever posted the consent form is sent back by a page that goes on, or to an application by a 303", async () => {
  const APPLICATION = "com.example.app:/callback";
  const { client, person } = await oauthScene({ redirect_uris: [REDIRECT_URI, APPLICATION] });
  for (const [redirect_uri, answer, status] of [
    [REDIRECT_URI, "approve", 200],
    [REDIRECT_URI, "deny", 200],
    [APPLICATION, "approve", 303],
    [APPLICATION, "deny", 303],
  ] as const) {
    const { query } = await codeRequest(client, { redirect_uri });
    const { page, carried } = await asksConsent(person, query);
    const policy = page.headers.get("content-security-policy");
    expect(policy).toContain(status === 200 ? "form-action 'self';" : "form-action 'self' com.example.app:;");
    const { request = "" } = hiddenFields(await page.text());
    const back = await postPage("/consent", person, { request, answer }, [carried]);
    expect(back.status).toBe(status);
    expect((await sentOnTo(back.clone())).href.startsWith(`${redirect_uri}?`)).toBe(true);
    // What was answered is answered: the browser brings it no more.
    expect(cookieOf(back, "__Host-ebb-request")).toBe("__Host-ebb-request=");
    expect(back.headers.get("cache-control")).toBe("no-store");
  }
});
