import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { call, ping, postForm, postJson, signFor, signUserFor } from "../src/testing/instance.ts";
import {
  answered,
  changes,
  codeFor,
  exchange,
  instanceOf,
  introspected,
  oauthScene,
  sees,
} from "../src/testing/oauth-scene.ts";
import {
  ALL_GRANTS,
  answerWith,
  beginLogin,
  loginOn,
  type OAuthClient,
  poll,
  proof,
  refreshWith,
  registerClient,
  type Tokens,
} from "../src/testing/oauth-world.ts";
import { testTenant } from "../src/testing/world.ts";

const PUBLIC = { token_endpoint_auth_method: "none" };
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

const ask = (client: OAuthClient, more: Record<string, string>, headers: Record<string, string> = {}) =>
  postForm("/oauth2/token", { ...proof(client), ...more }, headers);
const own = (client: OAuthClient, more: Record<string, string> = {}) =>
  ask(client, { grant_type: "client_credentials", ...more });
const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

test("a client authenticates with HTTP Basic or in the body, and never with both", async () => {
  const { client } = await oauthScene();
  const { client_id, client_secret = "" } = client;
  const grant = { grant_type: "client_credentials" };
  expect((await own(client)).status).toBe(200);
  for (const header of [basic(client_id, client_secret), basic(encodeURIComponent(client_id), client_secret)]) {
    expect((await postForm("/oauth2/token", grant, header)).status).toBe(200);
    // Naming itself in the body as well is no second authentication.
    expect((await postForm("/oauth2/token", { ...grant, client_id }, header)).status).toBe(200);
    const both = await postForm("/oauth2/token", { ...grant, client_secret }, header);
    expect(await answered(both)).toEqual([400, "invalid_request"]);
  }
  const other = (await oauthScene()).client;
  const mixed = await postForm(
    "/oauth2/token",
    { ...grant, client_id },
    basic(other.client_id, other.client_secret ?? ""),
  );
  expect(await answered(mixed)).toEqual([401, "invalid_client"]);
  for (const authorization of ["Basic", "Basic !", `Basic ${btoa(client_id)}`, `Bearer ${client_secret}`, "Digest x"]) {
    const response = await postForm("/oauth2/token", grant, { authorization });
    expect(await answered(response), authorization).toEqual([401, "invalid_client"]);
  }
  // In the address they are no credentials.
  const inQuery = await postForm(`/oauth2/token?${new URLSearchParams(proof(client))}`, grant);
  expect(await answered(inQuery)).toEqual([401, "invalid_client"]);
});

test("an unknown client and a wrong secret are invalid_client, a 401 with WWW-Authenticate", async () => {
  const { client, tenant } = await oauthScene();
  const nobody = await registerClient(tenant, PUBLIC);
  const secret = client.client_secret as string;
  const wrong: [string, string][] = [
    [client.client_id, "x".repeat(43)],
    [client.client_id, `${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`],
    [`${client.client_id.slice(0, -1)}x`, secret],
    ["nobody", secret],
    [nobody.client_id, secret],
  ];
  const texts = new Set<string>();
  for (const [id, guess] of wrong) {
    for (const grant_type of ["client_credentials", "refresh_token", "authorization_code", DEVICE]) {
      const grant = { grant_type, refresh_token: "x", code: "x", device_code: "x" };
      const response = await postForm("/oauth2/token", grant, basic(id, guess));
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="ebb"']);
      texts.add(await response.text());
    }
    const inBody = await own({ client_id: id, client_secret: guess });
    expect(inBody.status).toBe(401);
    texts.add(await inBody.text());
  }
  expect([...texts]).toEqual([
    JSON.stringify({ error: "invalid_client", error_description: "The client is unknown or its secret is wrong." }),
  ]);
});

test("a grant type that the client has not registered is unauthorized_client, an unknown one unsupported", async () => {
  const { tenant } = await oauthScene();
  for (const grant of ["refresh_token", "authorization_code", DEVICE]) {
    const client = await registerClient(tenant, { grant_types: ALL_GRANTS.filter((name) => name !== grant) });
    const more = { grant_type: grant, refresh_token: "x", code: "x", device_code: "x" };
    expect(await answered(await ask(client, more)), grant).toEqual([400, "unauthorized_client"]);
  }
  // Redirect URIs are what makes the grant of codes.
  const nowhere = await registerClient(tenant, { redirect_uris: [] });
  expect(await answered(await ask(nowhere, { grant_type: "authorization_code", code: "x" }))).toEqual([
    400,
    "unauthorized_client",
  ]);
  const client = await registerClient(tenant);
  for (const grant_type of ["password", "implicit", "Client_Credentials", "toString", "ü", "x".repeat(100)]) {
    expect(await answered(await ask(client, { grant_type, username: "a", password: "b" }))).toEqual([
      400,
      "unsupported_grant_type",
    ]);
  }
});

test("a public client gets no token of its own", async () => {
  const { tenant, client } = await oauthScene();
  const open = await registerClient(tenant, PUBLIC);
  expect(await answered(await own(open))).toEqual([400, "unauthorized_client"]);
  const made = await changes({ ...open, client_secret: client.client_secret as string }, { scope: "profile:read" });
  expect(made.status).toBe(401);
  expect((await own(client)).status).toBe(200);
});

test("client_credentials gives no refresh token", async () => {
  const { client } = await oauthScene();
  const body = await (await own(client)).json<Record<string, unknown>>();
  expect(body).toEqual({
    access_token: expect.stringMatching(/^eyJ/),
    token_type: "Bearer",
    expires_in: 3_600,
    scope: "profile:read assistant offline billing:write",
  });
});

test("every answer of the token endpoint is JSON and is not stored", async () => {
  const { client, pat } = await oauthScene();
  const pending = await beginLogin(client);
  const waiting = await poll(client, pending);
  expect((await answerWith(pat, "approve", pending)).status).toBe(200);
  const tokens = await loginOn(client, pat);
  const all = [
    waiting,
    await own(client),
    await own({ ...client, client_secret: "x" }),
    await refreshWith(client, tokens.refresh_token as string),
    await refreshWith(client, "x"),
    await ask(client, { grant_type: "x" }),
    await postForm("/oauth2/token", {}),
    await call("/oauth2/token"),
    await postJson("/oauth2/token", {}),
  ];
  for (const response of all) {
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("pragma")).toBe("no-cache");
    expect(typeof (await response.json())).toBe("object");
  }
});

test("every error of the token endpoint has the code, the status and the body of RFC 6749 section 5.2", async () => {
  const { client, pat, tenant } = await oauthScene();
  const { refresh_token = "" } = await loginOn(client, pat, { scope: "profile:read" });
  const few = await registerClient(tenant, { grant_types: ["client_credentials"] });
  const cases: [Promise<Response>, number, string][] = [
    [postForm("/oauth2/token", {}), 400, "invalid_request"],
    [postForm("/oauth2/token", proof(client)), 400, "invalid_request"],
    [ask(client, { grant_type: "refresh_token" }), 400, "invalid_request"],
    [ask(client, { grant_type: "authorization_code" }), 400, "invalid_request"],
    [ask(client, { grant_type: DEVICE }), 400, "invalid_request"],
    [ask(client, { grant_type: "x".repeat(101) }), 400, "invalid_request"],
    [ask(client, { grant_type: "refresh_token", refresh_token: "x".repeat(5_000) }), 400, "invalid_request"],
    [
      ask(client, { grant_type: "authorization_code", code: "x", code_verifier: "x".repeat(129) }),
      400,
      "invalid_request",
    ],
    [call("/oauth2/token", { method: "POST", headers: FORM, body: "grant_type=%ff" }), 400, "invalid_request"],
    [own({ ...client, client_secret: "x" }), 401, "invalid_client"],
    [postForm("/oauth2/token", { grant_type: "client_credentials" }), 401, "invalid_client"],
    [refreshWith(client, "x"), 400, "invalid_grant"],
    [ask(client, { grant_type: "authorization_code", code: "x" }), 400, "invalid_grant"],
    [ask(client, { grant_type: DEVICE, device_code: "x" }), 400, "invalid_grant"],
    [ask(few, { grant_type: "refresh_token", refresh_token }), 400, "unauthorized_client"],
    [ask(client, { grant_type: "password" }), 400, "unsupported_grant_type"],
    [refreshWith(client, refresh_token, { scope: "billing:write" }), 400, "invalid_scope"],
    [own(client, { scope: "admin" }), 400, "invalid_scope"],
  ];
  for (const [asked, status, error] of cases) {
    const response = await asked;
    const body = await response.json<Record<string, unknown>>();
    expect([response.status, body["error"]], JSON.stringify(body)).toEqual([status, error]);
    // Printable ASCII but for quote and backslash (RFC 6749 section 5.2).
    expect(body["error_description"]).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
    expect(Object.keys(body).filter((name) => !["error", "error_description", "errors"].includes(name))).toEqual([]);
    expect(JSON.stringify(body)).not.toContain("xxxx");
  }
});

test("secrets, authorization codes and refresh tokens have 256 random bits", async () => {
  const { tenant, client, person, pat } = await oauthScene();
  const bytesOf = (text: string) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  // Behind the prefix: version, key, region and gate; and the HMAC behind what is random.
  const routed = (text: string) => bytesOf(text.slice(5)).slice(13, -10);
  const [one, two] = [await registerClient(tenant), await registerClient(tenant)];
  const codes = [await codeFor(client, person), await codeFor(client, person)];
  const pending = [await beginLogin(client), await beginLogin(client)];
  const tokens = [await loginOn(client, pat), await loginOn(client, pat)];
  const pairs: Uint8Array[][] = [
    [one, two].map(({ client_secret = "" }) => bytesOf(client_secret)),
    codes.map(({ code }) => routed(code)),
    pending.map(({ device_code }) => routed(device_code)),
    tokens.map(({ refresh_token = "" }) => routed(refresh_token)),
  ];
  for (const [a, b] of pairs as [Uint8Array, Uint8Array][]) {
    expect([a.length, b.length]).toEqual([32, 32]);
    // Two of 256 random bits differ in about half of them.
    const differing = a.reduce(
      (sum, byte, i) => sum + [...(byte ^ (b[i] as number)).toString(2)].filter((bit) => bit === "1").length,
      0,
    );
    expect(differing).toBeGreaterThan(64);
  }
});

test("the scope of a token is said with it, and is never wider than was asked for, registered and approved", async () => {
  const { tenant, pat } = await oauthScene();
  const client = await registerClient(tenant, { scope: "profile:read assistant" });
  const said = async (response: Response) => {
    const { scope, access_token } = await response.json<Tokens>();
    expect(decodeJwt(access_token)["scope"]).toBe(scope);
    return scope;
  };
  expect(await said(await own(client))).toBe("profile:read assistant");
  expect(await said(await own(client, { scope: "profile:read" }))).toBe("profile:read");
  expect(await said(await own(client, { scope: "offline,assistant billing:write" }))).toBe("assistant");
  expect(await answered(await own(client, { scope: "offline" }))).toEqual([400, "invalid_scope"]);
  // Asked for less than is registered, approved less than was asked for.
  const scope = "profile:read assistant offline billing:write";
  expect((await loginOn(client, pat, { scope })).scope).toBe("profile:read assistant");
  expect((await loginOn(client, pat, { scope: "profile:read" })).scope).toBe("profile:read");
  const pending = await beginLogin(client, "profile:read assistant");
  expect((await answerWith(pat, "approve", pending, { scope: "profile:read,offline" })).status).toBe(200);
  expect(await said(await poll(client, pending))).toBe("profile:read");
});

test("the token endpoint takes POST with a form alone, and no parameter twice", async () => {
  const { client } = await oauthScene();
  const form = { ...proof(client), grant_type: "client_credentials" };
  for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
    const response = await call(`/oauth2/token?${new URLSearchParams(form)}`, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
  expect((await postJson("/oauth2/token", form)).status).toBe(415);
  const text = new URLSearchParams(form).toString();
  for (const [name, value] of [...Object.entries(form), ["scope", "profile:read"], ["unknown", "x"]]) {
    const body = `${text}&${name}=${encodeURIComponent(value as string)}&${name}=x`;
    const response = await call("/oauth2/token", { method: "POST", headers: FORM, body });
    expect(await answered(response), name).toEqual([400, "invalid_request"]);
  }
  const body = `${text}&padding=${"x".repeat(17_000)}`;
  expect((await call("/oauth2/token", { method: "POST", headers: FORM, body })).status).toBe(413);
  // Unknown ones are ignored, empty ones are omitted ones.
  expect((await ask(client, { grant_type: "client_credentials", resource: "x", code: "", scope: "" })).status).toBe(
    200,
  );
});

test("trying the secrets of a client out is limited", async () => {
  const { client, tenant } = await oauthScene();
  const statuses: number[] = [];
  for (let i = 0; i < 32; i++) statuses.push((await own({ ...client, client_secret: `guess ${i}` })).status);
  expect(statuses.slice(0, 30)).toEqual(Array(30).fill(401));
  expect(statuses.slice(30)).toEqual([429, 429]);
  // Another client is not locked out by it.
  expect((await own(await registerClient(tenant))).status).toBe(200);
});

test("tokens of one kind are of no use where another is asked for", async () => {
  const { tenant, client, pat, person } = await oauthScene();
  const tokens = await loginOn(client, pat);
  const instance = await instanceOf(client);
  const instanceToken = await signFor(tenant, instance);
  const code = await codeFor(client, person);
  const user = ["/instance/user/session", "/instance/user/profile"];
  const ofInstance = ["/instance/owner", "/instance/workspace"];
  const refused = [401, "unauthenticated"];
  const others = [
    tenant.apiKey,
    tenant.registrationKey,
    client.client_secret,
    pat,
    person.secret,
    tokens.refresh_token,
    code.code,
  ];
  for (const token of [instanceToken, ...others]) {
    for (const path of user) expect(await sees(token as string, path)).toEqual(refused);
  }
  for (const token of [tokens.access_token, ...others]) {
    for (const path of ofInstance) expect(await sees(token as string, path)).toEqual(refused);
    expect((await ping(token as string)).status).toBe(401);
  }
  // Nor is an access token a refresh token, a code or a key.
  expect(await answered(await refreshWith(client, code.code))).toEqual([400, "invalid_grant"]);
  const swapped = { ...code, code: tokens.refresh_token as string };
  expect(await answered(await exchange(client, swapped))).toEqual([400, "invalid_grant"]);
  expect(await sees(instanceToken, "/api/v1/instances")).toEqual(refused);
  expect(await sees(tokens.refresh_token as string, "/api/v1/instances")).toEqual(refused);
  // The controls; and nothing of the code was spent.
  for (const path of user) expect(await sees(tokens.access_token, path)).toEqual([200, null]);
  for (const path of ofInstance) expect(await sees(instanceToken, path)).toEqual([200, null]);
  expect((await exchange(client, code)).status).toBe(200);
  // A person's token of another tenant's gate is looked at by nobody here.
  const stranger = await testTenant();
  const foreign = await signUserFor({ ...stranger, gateId: tenant.gateId }, instance);
  expect(await introspected(client, foreign)).toEqual([200, { active: false }]);
});
