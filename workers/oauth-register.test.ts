import { sql } from "drizzle-orm";
import { afterEach, expect, test, vi } from "vitest";
import { DAY_MS, SECOND_MS } from "../src/core/clock.ts";
import { uuidFromId } from "../src/core/id.ts";
import { DEVICE_CODE_GRANT } from "../src/oauth/client-metadata.ts";
import { call, postForm, postJson } from "../src/testing/instance.ts";
import {
  ALL_GRANTS,
  answerWith,
  asksConsent,
  beginLogin,
  loginOn,
  newAddress,
  type OAuthClient,
  patOf,
  proof,
  REDIRECT_URI,
  registerClient,
  registerFrom,
  saidOf,
  sentOnTo,
} from "../src/testing/oauth-world.ts";
import { personIn } from "../src/testing/people.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

afterEach(() => void vi.useRealTimers());

const base = { scope: "profile:read", grant_types: ["client_credentials", DEVICE_CODE_GRANT] };
const from = () => ({ "cf-connecting-ip": newAddress() });
const register = (body: unknown, headers: Record<string, string> = from()) =>
  postJson("/oauth2/register", body, headers);
const update = ({ client_id, client_secret }: OAuthClient, body: object, id = client_id) =>
  call(`/oauth2/register/${id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_id, client_secret, ...base, ...body }),
  });
const tokenWith = (client: OAuthClient) =>
  postForm("/oauth2/token", { ...proof(client), grant_type: "client_credentials" });
const rowsOf = (clientId: string) =>
  ownerRows(
    sql`select name, scope, grant_types, redirect_uris, token_endpoint_auth_method as method from unclaimed_registrations where client_id = ${clientId}
         union all select name, scope, grant_types, redirect_uris, token_endpoint_auth_method from instances where client_id = ${clientId}`,
  );
const registrations = async () => (await ownerRows(sql`select from unclaimed_registrations`)).length;

test("the answer says all that was registered, is a 201 and is not stored", async () => {
  const asked = {
    scope: "offline profile:read keys:write",
    grant_types: [...ALL_GRANTS, "implicit"],
    redirect_uris: [REDIRECT_URI, "http://127.0.0.1/callback"],
    client_name: "Ada's laptop",
    token_endpoint_auth_method: "client_secret_basic",
  };
  const response = await register(asked);
  const body = await response.json<Record<string, unknown>>();
  expect([response.status, response.headers.get("cache-control"), response.headers.get("content-type")]).toEqual([
    201,
    "no-store",
    expect.stringMatching(/^application\/json/),
  ]);
  const nowS = Date.now() / SECOND_MS;
  expect(body).toEqual({
    client_id: expect.stringMatching(/^ebbc_/),
    client_secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    client_id_issued_at: expect.closeTo(nowS, -2),
    client_secret_expires_at: 0,
    grant_types: ALL_GRANTS,
    response_types: ["code"],
    redirect_uris: asked.redirect_uris,
    client_name: "Ada's laptop",
    scope: "profile:read offline",
    token_endpoint_auth_method: "client_secret_basic",
    claim_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{5}-[BCDFGHJKLMNPQRSTVWXZ]{5}$/),
    registration_expires_at: expect.closeTo(nowS + 24 * 3600, -2),
  });
  const [row] = await ownerRows<{ row: string }>(
    sql`select row_to_json(u)::text as row from unclaimed_registrations u where client_id = ${body["client_id"]}`,
  );
  for (const secret of ["client_secret", "claim_code"]) expect(row?.row).not.toContain(body[secret]);
  // With a key it is claimed at once: nothing to claim, nothing that expires.
  const tenant = await testTenant();
  const claimed = await register({ ...base, instance_registration_key: tenant.registrationKey });
  expect(Object.keys(await claimed.json<object>()).toSorted()).toEqual(
    Object.keys(body)
      .filter((name) => !["claim_code", "registration_expires_at", "client_name"].includes(name))
      .toSorted(),
  );
});

test("registration takes POST with JSON alone", async () => {
  const before = await registrations();
  for (const method of ["GET", "PUT", "DELETE"]) {
    const response = await call("/oauth2/register", { method });
    expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "POST"]);
  }
  const asForm = await postForm(
    "/oauth2/register",
    { scope: "profile:read", grant_types: "client_credentials" },
    from(),
  );
  expect(asForm.status).toBe(415);
  for (const body of ["", "[]", "null", '"x"', '{"scope":', "\u0000"]) {
    const response = await register(body);
    expect([body, response.status, (await response.json<{ error: string }>()).error]).toEqual([
      body,
      400,
      expect.stringMatching(/^invalid_/),
    ]);
  }
  expect((await register({ ...base, software_statement: "x".repeat(200_000) })).status).toBe(413);
  expect(await registrations()).toBe(before);
});

test("unknown metadata are ignored", async () => {
  const tenant = await testTenant();
  const odd = {
    ...base,
    scope: "profile:read made:up admin",
    grant_types: [...base.grant_types, "password"],
    software_id: "x",
    jwks: { keys: [] },
    client_id: "ebbc_mine",
    client_secret: "mine",
    tenant_id: tenant.id,
    workspace_id: tenant.workspaceId,
    claimed_at: 1,
    constructor: { prototype: 1 },
  };
  const response = await register(odd);
  const body = await response.json<OAuthClient & Record<string, unknown>>();
  expect(response.status).toBe(201);
  expect(body.client_id).not.toBe("ebbc_mine");
  expect(body).not.toHaveProperty("tenant_id");
  expect([body["scope"], body["grant_types"]]).toEqual(["profile:read", base.grant_types]);
  expect(await saidOf(await tokenWith(body))).toEqual([400, "unauthorized_client"]);
  expect(await saidOf(await tokenWith({ ...body, client_secret: "mine" }))).toEqual([401, "invalid_client"]);
});

test("metadata that are refused are invalid_redirect_uri or invalid_client_metadata, and register nothing", async () => {
  const tenant = await testTenant();
  const before = await registrations();
  const uris = [
    "javascript:alert(1)",
    "data:text/html,x",
    "http://app.example/callback",
    "https://app.example/#fragment",
    "https://user:pass@app.example/",
    "https://*.app.example/",
    "/callback",
    "not a url",
    "",
    `https://app.example/${"x".repeat(600)}`,
  ];
  const wrong: [error: string, Record<string, unknown>][] = [
    ...uris.map((uri): [string, Record<string, unknown>] => [
      "invalid_redirect_uri",
      { redirect_uris: [REDIRECT_URI, uri] },
    ]),
    ["invalid_redirect_uri", { redirect_uris: Array.from({ length: 11 }, (_, n) => `${REDIRECT_URI}/${n}`) }],
    ["invalid_client_metadata", { token_endpoint_auth_method: "private_key_jwt" }],
    ["invalid_client_metadata", { token_endpoint_auth_method: "none", grant_types: ["client_credentials"] }],
    ["invalid_client_metadata", { token_endpoint_auth_method: "none", grant_types: [] }],
    ["invalid_client_metadata", { client_name: "line\nbreak" }],
    ["invalid_client_metadata", { client_name: "turned\u202eround" }],
    ["invalid_client_metadata", { client_name: " " }],
    ["invalid_client_metadata", { client_name: "x".repeat(101) }],
    ["invalid_client_metadata", { client_name: 7 }],
    ["invalid_client_metadata", { scope: 7 }],
    ["invalid_client_metadata", { scope: "x".repeat(2_000) }],
    ["invalid_client_metadata", { grant_types: "client_credentials" }],
    ["invalid_client_metadata", { redirect_uris: REDIRECT_URI }],
  ];
  for (const [error, body] of wrong) {
    for (const key of [{}, { instance_registration_key: tenant.registrationKey }]) {
      const response = await register({ ...base, ...body, ...key });
      const said = [body, response.status, (await response.json<{ error: string }>()).error];
      expect(said).toEqual([body, 400, error]);
    }
  }
  expect(await registrations()).toBe(before);
  expect(await ownerRows(sql`select from instances where tenant_id = ${uuidFromId("tenant", tenant.id)}`)).toEqual([]);
});

test("a client that registers the method none has no secret", async () => {
  const tenant = await testTenant();
  for (const key of [{}, { instance_registration_key: tenant.registrationKey }]) {
    const open = await register({ ...base, ...key, token_endpoint_auth_method: "none" });
    const body = await open.json<OAuthClient & { grant_types: string[] }>();
    expect([open.status, body.client_secret, body.grant_types]).toEqual([201, undefined, [DEVICE_CODE_GRANT]]);
    expect((await beginLogin({ client_id: body.client_id })).user_code).toMatch(/-/);
    for (const client_secret of ["", "x", "undefined", "null"]) {
      const form = { client_id: body.client_id, client_secret, grant_type: "client_credentials" };
      const [status] = await saidOf(await postForm("/oauth2/token", form));
      expect([client_secret, status]).toEqual([client_secret, client_secret === "" ? 400 : 401]);
    }
    // It has nothing with which to prove that it is the one that registered.
    for (const client_secret of [undefined, "", "x"]) {
      const response = await update({ ...body, ...(client_secret !== undefined && { client_secret }) }, {});
      expect([client_secret, response.status >= 400]).toEqual([client_secret, true]);
    }
  }
  const secrets = sql`select from credentials where tenant_id = ${uuidFromId("tenant", tenant.id)} and kind = 'client-secret'`;
  expect(await ownerRows(secrets)).toEqual([]);
});

test("a client updates itself with its own id and secret, and no other", async () => {
  const tenant = await testTenant();
  const claimed = await registerClient(tenant);
  const another = await registerClient(tenant);
  const unclaimed = await registerFrom();
  const pat = await patOf(await personIn(tenant, "owner"));
  const tokens = await loginOn(claimed, pat, { scope: "profile:read" });
  for (const client of [claimed, unclaimed]) {
    const before = await rowsOf(client.client_id);
    const refused: [OAuthClient, string][] = [
      [{ ...client, client_secret: another.client_secret as string }, client.client_id],
      [{ ...client, client_secret: "x" }, client.client_id],
      [another, client.client_id],
      [client, another.client_id],
      [{ ...client, client_id: another.client_id }, another.client_id],
      [client, "ebbc_x"],
    ];
    for (const [as, id] of refused) {
      const response = await update(as, { scope: "billing:write" }, id);
      expect([response.status, (await response.json<{ error: string }>()).error]).toEqual([401, "invalid_client"]);
    }
    expect(await rowsOf(client.client_id)).toEqual(before);
    const response = await update(client, { scope: "profile:read offline keys:write" });
    const body = await response.json<Record<string, unknown>>();
    expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(body).toMatchObject({
      client_id: client.client_id,
      client_secret: client.client_secret,
      scope: "profile:read offline",
      grant_types: base.grant_types,
      // Not named: they stay.
      redirect_uris: [REDIRECT_URI],
    });
    // Known at once to who decides: what it did not register any more it does not get.
    const begun = await postForm("/oauth2/device/authorize", { ...proof(client), scope: "assistant profile:read" });
    expect(begun.status).toBe(200);
    const [row] = await ownerRows(
      sql`select scope from device_codes where client_id = ${client.client_id} order by issued_at desc limit 1`,
    );
    expect(row).toEqual({ scope: "profile:read" });
    const code = { response_type: "code", client_id: client.client_id, redirect_uri: REDIRECT_URI };
    const { page } = await asksConsent(await personIn(tenant, "member"), code);
    // A client that nobody has claimed is told so by the person's own hand.
    const told = client === unclaimed ? await page.text() : (await sentOnTo(page)).search;
    expect(told).toContain("error=unauthorized_client");
  }
  // What was granted to people stays, as narrow as it was.
  expect(tokens.scope).toBe("profile:read");
  const refreshed = await postForm("/oauth2/token", {
    ...proof(claimed),
    grant_type: "refresh_token",
    refresh_token: tokens.refresh_token as string,
  });
  expect(await saidOf(refreshed)).toEqual([400, "unauthorized_client"]);
  const family = sql`select scope from token_families where client_id = ${claimed.client_id}`;
  expect(await ownerRows(family)).toEqual([{ scope: "profile:read" }]);
});

test("an update is read as a registration is, and cannot claim, rename or move an instance", async () => {
  const tenant = await testTenant();
  const foreign = await testTenant();
  const claimed = await registerClient(tenant, { client_name: "Ada's laptop" });
  const unclaimed = await registerFrom({}, { client_name: "Ada's laptop" });
  const place = sql`select name, tenant_id, workspace_id, claimed_at from instances where client_id in (${claimed.client_id}, ${unclaimed.client_id})`;
  const before = await ownerRows(place);
  expect(before).toHaveLength(1);
  for (const client of [claimed, unclaimed]) {
    const response = await update(client, {
      instance_registration_key: foreign.registrationKey,
      workspace_id: foreign.workspaceId,
      tenant_id: foreign.id,
      client_name: "Somebody's",
      claim_code: "BBBBB-CCCCC",
      token_endpoint_auth_method: "none",
    });
    expect([response.status, await response.json()]).toEqual([
      200,
      expect.objectContaining({ client_name: "Ada's laptop", token_endpoint_auth_method: "client_secret_post" }),
    ]);
    for (const [error, body] of [
      ["invalid_redirect_uri", { redirect_uris: ["javascript:alert(1)"] }],
      ["invalid_client_metadata", { grant_types: "x" }],
      ["invalid_client_metadata", { scope: ["profile:read"] }],
    ] as const) {
      const refused = await update(client, body);
      expect([body, refused.status, (await refused.json<{ error: string }>()).error]).toEqual([body, 400, error]);
    }
  }
  expect(await ownerRows(place)).toEqual(before);
  const uses = sql`select uses from registration_keys where tenant_id = ${uuidFromId("tenant", foreign.id)}`;
  expect(await ownerRows(uses)).toEqual([{ uses: 0 }]);
  expect((await call(`/oauth2/register/${claimed.client_id}`)).status).toBe(405);
});

test("open registration is limited, and an unclaimed client is gone after 24 hours", async () => {
  const address = newAddress();
  const tries = async (headers: Record<string, string>, count: number) => {
    const found = new Map<number, number>();
    for (let n = 0; n < count; n++) {
      const { status } = await register({ ...base, redirect_uris: ["x"] }, headers);
      found.set(status, (found.get(status) ?? 0) + 1);
    }
    return found;
  };
  // Malformed ones cost nothing; good ones sixty an hour from one network, whatever the last number is.
  expect(await tries({ "cf-connecting-ip": address }, 3)).toEqual(new Map([[400, 3]]));
  const statuses: number[] = [];
  for (let n = 0; n < 61; n++) {
    const near = address.replace(/1$/, String(n));
    statuses.push((await register(base, { "cf-connecting-ip": near })).status);
  }
  expect(statuses).toEqual([...Array(60).fill(201), 429]);
  const limited = await register(base, { "cf-connecting-ip": address });
  expect([limited.status, Number(limited.headers.get("retry-after")) > 0]).toEqual([429, true]);
  expect((await register(base, { "cf-connecting-ip": newAddress() })).status).toBe(201);

  const start = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  const client = await registerFrom();
  const pat = await patOf(await personIn(await testTenant(), "owner"));
  const pending = await beginLogin(client);
  await ownerRows(
    sql`update unclaimed_registrations set registered_at = registered_at - interval '24 hours' where client_id = ${client.client_id}`,
  );
  // Whoever would claim it now comes too late, though its device still shows a code that has not expired.
  expect((await answerWith(pat, "approve", pending, { claim_code: client.claim_code })).status).toBe(404);
  vi.setSystemTime(start + DAY_MS + SECOND_MS);
  expect((await postForm("/oauth2/device/authorize", { ...proof(client) })).status).toBe(401);
  expect((await update(client, {})).status).toBe(401);
  expect(await saidOf(await tokenWith(client))).toEqual([401, "invalid_client"]);
});
