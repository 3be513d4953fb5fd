import { runInDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { newId, uuidFromId } from "../src/core/id.ts";
import { registrationKeys } from "../src/db/schema.ts";
import { withFault, withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, ORIGIN, ping, postForm, postJson, register, tokenOf } from "../src/testing/instance.ts";
import { owner, ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";

/** A registration key with these properties, straight into Postgres. */
async function keyWith(tenant: TestTenant, properties: Partial<typeof registrationKeys.$inferInsert>): Promise<string> {
  const key = await mintRoutingId("registration-key", tenant.gateId, await testRoutingKeys());
  const nowMs = Date.now();
  await owner(async (db) =>
    db.insert(registrationKeys).values({
      id: newId("registrationKey", nowMs),
      tenantId: tenant.id,
      workspaceId: tenant.workspaceId,
      name: "test",
      secretHash: await hashSecret(key),
      reusable: true,
      uses: 0,
      createdAt: nowMs,
      ...properties,
    }),
  );
  return key;
}

const registerWith = (instance_registration_key: string) =>
  postJson("/oauth2/register", {
    scope: "profile:read assistant nonsense",
    grant_types: ["client_credentials", "made-up"],
    instance_registration_key,
  });

test("registration answers as RFC 7591 and the contract have it, and keeps no secret", async () => {
  const tenant = await testTenant();
  const response = await registerWith(tenant.registrationKey);
  const client = await response.json<Record<string, unknown>>();
  expect([response.status, client]).toEqual([
    201,
    {
      client_id: expect.stringMatching(/^ebbc_/),
      client_secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      client_id_issued_at: expect.closeTo(Date.now() / 1000, -2),
      client_secret_expires_at: 0,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: "profile:read assistant",
      token_endpoint_auth_method: "client_secret_post",
    },
  ]);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const everything = await ownerRows<{ row: string }>(sql`
    select row_to_json(t)::text as row from credentials t where tenant_id = ${uuidFromId("tenant", tenant.id)}
    union all select row_to_json(t)::text from outbox t where tenant_id = ${uuidFromId("tenant", tenant.id)}
    union all select row_to_json(t)::text from audit_entries t where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  expect(everything.length).toBeGreaterThan(3);
  expect(everything.filter(({ row }) => row.includes(String(client["client_secret"])))).toEqual([]);
});

test("a registration key that is forged, unknown, expired, revoked or used up is refused, and says which only if genuine", async () => {
  const tenant = await testTenant();
  const past = Date.now() - 1_000;
  const unknown = await mintRoutingId("registration-key", tenant.gateId, await testRoutingKeys());
  const cases: [string, string][] = [
    ["nonsense", "not known"],
    [unknown, "not known"],
    [await keyWith(tenant, { validUntil: past }), "expired"],
    [await keyWith(tenant, { revokedAt: past }), "revoked"],
    [await keyWith(tenant, { reusable: false, usedUpAt: past, uses: 1 }), "has been used"],
  ];
  for (const [key, text] of cases) {
    const response = await registerWith(key);
    const body = await response.json();
    expect([response.status, body]).toEqual([
      403,
      {
        error: "access_denied",
        error_description: expect.stringContaining(text),
        errors: [{ path: "instance_registration_key", message: "is not accepted" }],
      },
    ]);
  }
  expect((await registerWith(await keyWith(tenant, { validUntil: Date.now() + 60_000 }))).status).toBe(201);
});

test("of ten registrations at once with a single-use key, one succeeds", async () => {
  const tenant = await testTenant();
  const key = await keyWith(tenant, { reusable: false });
  const responses = await Promise.all(Array.from({ length: 10 }, () => registerWith(key)));
  expect(responses.map((response) => response.status).toSorted()).toEqual([201, ...Array(9).fill(403)]);
  const made = await ownerRows(sql`select from instances where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  expect(made).toHaveLength(1);
});

test("without Postgres a registration is refused with 503 and Retry-After, and nothing of it remains", async () => {
  const tenant = await testTenant();
  const response = await withoutPostgres(() => registerWith(tenant.registrationKey));
  expect([response.status, await response.json()]).toEqual([
    503,
    expect.objectContaining({ error: "temporarily_unavailable" }),
  ]);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await ownerRows(sql`select from instances where tenant_id = ${uuidFromId("tenant", tenant.id)}`)).toEqual([]);
});

test("when the gate did not hear of a client, its first token request delivers the news", async () => {
  const tenant = await testTenant();
  const client = await register(tenant);
  // As if the delivery after the commit had failed: undelivered, and unknown to the gate.
  await runInDurableObject(gateOf(tenant), (_, { storage }) => void storage.sql.exec("delete from client"));
  await ownerRows(sql`update outbox set delivered_at = null where gate_id = ${tenant.gateId}`);
  expect((await ping(await tokenOf(client))).status).toBe(200);
  expect(await ownerRows(sql`select from outbox where gate_id = ${tenant.gateId} and delivered_at is null`)).toEqual(
    [],
  );
});

test("a commit whose answer is lost is said to be of unknown outcome", async () => {
  const tenant = await testTenant();
  await register(tenant);
  const response = await withFault({ kind: "drop-after-commit", times: 1 }, () => registerWith(tenant.registrationKey));
  expect([response.status, await response.json()]).toEqual([
    503,
    expect.objectContaining({ error_description: expect.stringContaining("before the outcome was known") }),
  ]);
  expect(await ownerRows(sql`select from instances where tenant_id = ${uuidFromId("tenant", tenant.id)}`)).toHaveLength(
    2,
  );
});

test("malformed registrations name the field", async () => {
  const tenant = await testTenant();
  const base = { scope: "", grant_types: [], instance_registration_key: tenant.registrationKey };
  const wrong: [unknown, string][] = [
    [{ ...base, scope: 7 }, "scope"],
    [{ ...base, grant_types: "client_credentials" }, "grant_types"],
    [{ ...base, grant_types: [1] }, "grant_types.0"],
    [{ ...base, instance_registration_key: {} }, "instance_registration_key"],
    [{ ...base, redirect_uris: "https://app.example/" }, "redirect_uris"],
    [{ ...base, require_claim_code: "yes" }, "require_claim_code"],
  ];
  for (const [body, path] of wrong) {
    const response = await postJson("/oauth2/register", body);
    const { errors } = await response.json<{ errors: { path: string }[] }>();
    expect([response.status, errors.map((error) => error.path)]).toEqual([400, [path]]);
  }
  expect((await postJson("/oauth2/register", "{")).status).toBe(400);
  expect((await postJson("/oauth2/register", { ...base, scope: "x".repeat(17_000) })).status).toBe(413);
  expect((await postJson("/oauth2/register", base, { "content-type": "text/plain" })).status).toBe(415);
});

test("oauth4webapi, as the client, discovers, registers, gets a token and pings", async () => {
  const tenant = await testTenant();
  const options = {
    [oauth.customFetch]: (url: string, init: object) => call(url.slice(ORIGIN.length), init as RequestInit),
  };
  const issuer = new URL(ORIGIN);
  const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(issuer, discovered);
  const metadata = {
    scope: "profile:read",
    grant_types: ["client_credentials"],
    instance_registration_key: tenant.registrationKey,
  };
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, metadata, options),
  );
  for (const authenticate of [oauth.ClientSecretPost, oauth.ClientSecretBasic]) {
    const granted = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      authenticate(client["client_secret"] as string),
      {},
      options,
    );
    const token = await oauth.processClientCredentialsResponse(server, client, granted);
    expect(token).toMatchObject({ token_type: "bearer", expires_in: 3600, scope: "profile:read" });
    const alive = await oauth.protectedResourceRequest(
      token.access_token,
      "POST",
      new URL(`${ORIGIN}/instance/alive`),
      new Headers(),
      null,
      options,
    );
    expect(alive.status).toBe(200);
  }
});

test("other grants, doubled parameters and JSON at the token endpoint are refused in OAuth's terms", async () => {
  const wrongGrant = await postForm("/oauth2/token", { grant_type: "password", client_id: "x", client_secret: "y" });
  expect([wrongGrant.status, await wrongGrant.json()]).toEqual([
    400,
    expect.objectContaining({ error: "unsupported_grant_type" }),
  ]);
  const doubled = await call("/oauth2/token", {
    method: "POST",
    body: "grant_type=client_credentials&client_id=a&client_id=b",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect([doubled.status, await doubled.json()]).toEqual([400, expect.objectContaining({ error: "invalid_request" })]);
  expect((await postJson("/oauth2/token", { grant_type: "client_credentials" })).status).toBe(415);
});
