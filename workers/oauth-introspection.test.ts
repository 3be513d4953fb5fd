import { sql } from "drizzle-orm";
import { decodeJwt, SignJWT } from "jose";
import { expect, inject, test } from "vitest";
import { loadTokenKeys, newSigningKey } from "../src/access/token-keys.ts";
import { HOUR_MS } from "../src/core/clock.ts";
import { newId, uuidFromId } from "../src/core/id.ts";
import { call, ORIGIN, postForm, postJson, signFor, signUserFor, tokenOf } from "../src/testing/instance.ts";
import {
  answered,
  instanceOf,
  introspected,
  type OAuthScene,
  oauthScene,
  revokes,
  tells,
} from "../src/testing/oauth-scene.ts";
import {
  loginOn,
  type OAuthClient,
  patOf,
  proof,
  refreshWith,
  registerClient,
  type Tokens,
} from "../src/testing/oauth-world.ts";
import { ownerRows } from "../src/testing/world.ts";

const INACTIVE = [200, { active: false }];

interface Signed extends OAuthScene {
  tokens: Tokens;
  refreshToken: string;
  /** Another client of the tenant, whose asking is counted apart. */
  asker: OAuthClient;
}

async function signed(more: Record<string, unknown> = {}): Promise<Signed> {
  const made = await oauthScene(more);
  const tokens = await loginOn(made.client, made.pat, { scope: "profile:read assistant" });
  const asker = await registerClient(made.tenant);
  return { ...made, tokens, refreshToken: tokens.refresh_token as string, asker };
}

const own = (client: OAuthClient) => tokenOf(client as Required<OAuthClient>);
const isActive = async (client: OAuthClient, token: string) =>
  ((await introspected(client, token))[1] as { active: boolean }).active;

test("of its own access and refresh tokens a client learns scope, subject, times and instance", async () => {
  const { client, person, tenant, tokens, refreshToken } = await signed();
  const instance = await instanceOf(client);
  const shared = {
    active: true,
    scope: "profile:read assistant",
    client_id: client.client_id,
    sub: person.id,
    iss: ORIGIN,
    meta: { kind: "instance", instance_id: instance, workspace_id: tenant.workspaceId },
  };
  const { iat, exp } = decodeJwt(tokens.access_token);
  expect(await introspected(client, tokens.access_token)).toEqual([200, { ...shared, token_type: "Bearer", iat, exp }]);
  const [status, body] = await introspected(client, refreshToken);
  expect([status, body]).toEqual([200, { ...shared, iat: expect.any(Number), exp: expect.any(Number) }]);
  const times = body as { iat: number; exp: number };
  expect(times.exp - times.iat).toBe(90 * 86_400);
  expect(Math.abs(times.iat * 1000 - Date.now())).toBeLessThan(60_000);
});

test("the subject of an instance's own token is the instance, and of a person's the person", async () => {
  const { client, person, tokens, refreshToken } = await signed();
  const instance = await instanceOf(client);
  const subject = async (token: string) => ((await introspected(client, token))[1] as { sub: string }).sub;
  expect(await subject(await own(client))).toBe(instance);
  for (const token of [tokens.access_token, refreshToken]) expect(await subject(token)).toBe(person.id);
});

test("introspection takes POST with a form alone, with a token", async () => {
  const { client, tokens } = await signed();
  const form = { ...proof(client), token: tokens.access_token };
  const [status, allow] = await call(`/oauth2/introspect?${new URLSearchParams(form)}`).then((response) => [
    response.status,
    response.headers.get("allow"),
  ]);
  expect([status, allow]).toEqual([405, "POST"]);
  expect((await postJson("/oauth2/introspect", form)).status).toBe(415);
  for (const sent of [proof(client), { ...proof(client), token: "" }] as Record<string, string>[]) {
    expect(await answered(await postForm("/oauth2/introspect", sent))).toEqual([400, "invalid_request"]);
  }
  const twice = `${new URLSearchParams(form)}&token=x`;
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const repeated = await call("/oauth2/introspect", { method: "POST", body: twice, headers });
  expect(await answered(repeated)).toEqual([400, "invalid_request"]);
  // In the address it is no token: nothing that is written down on the way is looked at.
  const inQuery = await postForm(`/oauth2/introspect?token=${tokens.access_token}`, proof(client));
  expect(await answered(inQuery)).toEqual([400, "invalid_request"]);
});

test("introspection takes the secret of a client: an anonymous, a public and a wrong one get 401", async () => {
  const { tenant, client, tokens } = await signed();
  const nobody = await registerClient(tenant, { token_endpoint_auth_method: "none" });
  const { client_id } = client;
  const proofs: Record<string, string>[] = [
    {},
    { client_id },
    { client_id, client_secret: "x".repeat(43) },
    { client_id: `${client_id.slice(0, -1)}x`, client_secret: client.client_secret as string },
    proof(nobody),
    { ...proof(nobody), client_secret: client.client_secret as string },
  ];
  for (const sent of proofs) {
    const response = await postForm("/oauth2/introspect", { ...sent, token: tokens.access_token });
    expect(await answered(response), JSON.stringify(sent)).toEqual([401, "invalid_client"]);
  }
  const bearer = { authorization: `Bearer ${tokens.access_token}` };
  const response = await postForm("/oauth2/introspect", { token: tokens.access_token }, bearer);
  expect(await answered(response)).toEqual([401, "invalid_client"]);
});

test("a wrong or unknown token_type_hint is no obstacle", async () => {
  const { client, asker, tokens, refreshToken } = await signed();
  for (const token of [tokens.access_token, refreshToken]) {
    const plain = await introspected(client, token);
    expect(plain).toEqual([200, expect.objectContaining({ active: true })]);
    for (const token_type_hint of ["access_token", "refresh_token", "id_token", "pct", "ü", ""]) {
      expect(await introspected(asker, token, { token_type_hint })).toEqual(plain);
    }
  }
});

test("unknown, forged, expired, revoked and other tenants' tokens look the same", async () => {
  const { tenant, client, asker, tokens, refreshToken } = await signed();
  const instance = await instanceOf(client);
  const foreign = await signed();
  const keys = await loadTokenKeys(inject("workerBindings")["TOKEN_SIGNING_KEYS"] as string);
  const stranger = await loadTokenKeys(JSON.stringify({ current: await newSigningKey(), next: await newSigningKey() }));
  const claims = decodeJwt(tokens.access_token);
  const signedAs = (typ: string, { sign, kid } = keys) =>
    new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", typ, kid }).sign(sign);
  const [, payload] = tokens.access_token.split(".");
  const none = btoa(JSON.stringify({ alg: "none", typ: "at+jwt", kid: keys.kid })).replaceAll("=", "");
  const before = await own(client);
  expect((await revokes(client, before)).status).toBe(200);
  const inert: Record<string, string> = {
    unknown: "x",
    "another kind of ours": client.client_id,
    "a secret": client.client_secret as string,
    forged: `${tokens.access_token.slice(0, -6)}AAAAAA`,
    "alg none": `${none}.${payload}.`,
    "another key": await signedAs("at+jwt", { ...stranger, kid: keys.kid }),
    "an ID token": await signedAs("JWT"),
    "an offline lease": await signedAs("offline-lease+jwt"),
    expired: await signFor(tenant, instance, Date.now() - 2 * HOUR_MS),
    // Skew is allowed for where a token is used, by machines with other clocks.
    "expired a minute ago": await signFor(tenant, instance, Date.now() - HOUR_MS - 60_000),
    revoked: before,
    "another tenant's": foreign.tokens.access_token,
    "another tenant's refresh token": foreign.refreshToken,
    "another tenant's instance token": await own(foreign.client),
    "a sign-in that never was": await signUserFor(tenant, instance),
    "a refresh token changed": `${refreshToken.slice(0, 30)}${refreshToken.at(30) === "A" ? "B" : "A"}${refreshToken.slice(31)}`,
    "a personal access token": foreign.pat,
  };
  const bodies = new Set<string>();
  for (const [name, token] of Object.entries(inert)) {
    const response = await postForm("/oauth2/introspect", { ...proof(asker), token });
    expect(response.status, name).toBe(200);
    bodies.add(await response.text());
  }
  expect([...bodies]).toEqual(['{"active":false}']);
  // The controls.
  expect(await isActive(asker, tokens.access_token)).toBe(true);
  expect(await isActive(foreign.client, foreign.refreshToken)).toBe(true);
});

test("a used refresh token is not active, its successor is", async () => {
  const { client, refreshToken } = await signed();
  const { refresh_token = "" } = await (await refreshWith(client, refreshToken)).json<Tokens>();
  expect(await introspected(client, refreshToken)).toEqual(INACTIVE);
  expect(await isActive(client, refresh_token)).toBe(true);
});

/** The personal access token that approved the sign-in, bound to the tenant's workspace where it is. */
const approving = ({ person }: Signed) =>
  sql`person_id = ${uuidFromId("person", person.id)} and kind = 'personal-access-token'`;
/** A workspace beside the first, into which the instance goes. */
async function moves({ tenant, client }: Signed): Promise<void> {
  const id = uuidFromId("workspace", newId("workspace", Date.now()));
  await ownerRows(sql`insert into workspaces (id, tenant_id, name, generation, created_at)
    values (${id}, ${uuidFromId("tenant", tenant.id)}, 'Lab', 0, now())`);
  await ownerRows(sql`update instances set workspace_id = ${id} where client_id = ${client.client_id}`);
}

test("a token is not active once its family, its instance or its person's membership has ended", async () => {
  const at = sql`now()`;
  const endings: Record<string, (s: Signed) => Promise<unknown>> = {
    family: ({ client }) =>
      ownerRows(sql`update token_families set ended_at = ${at} where client_id = ${client.client_id}`),
    "instance removed": ({ client }) =>
      ownerRows(sql`update instances set removed_at = ${at} where client_id = ${client.client_id}`),
    "instance revoked": ({ client }) =>
      ownerRows(sql`update instances set revoked_at = ${at} where client_id = ${client.client_id}`),
    membership: ({ person }) =>
      ownerRows(sql`update memberships set removed_at = ${at} where person_id = ${uuidFromId("person", person.id)}`),
    tenant: ({ tenant }) =>
      ownerRows(sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", tenant.id)}`),
    "the scope of its instance": ({ client }) =>
      ownerRows(sql`update instances set scope = 'assistant' where client_id = ${client.client_id}`),
  };
  for (const [name, ends] of Object.entries(endings)) {
    const made = await signed();
    const { asker, tokens, refreshToken } = made;
    for (const token of [tokens.access_token, refreshToken]) expect(await isActive(asker, token), name).toBe(true);
    // In Postgres alone: its gate has not heard.
    await ends(made);
    for (const token of [tokens.access_token, refreshToken]) {
      expect(await introspected(asker, token), name).toEqual(INACTIVE);
    }
  }
  // What the gate alone knows counts as well.
  const { tenant, person, client, asker, tokens, refreshToken } = await signed();
  const untilMs = Date.now() + HOUR_MS;
  const ownToken = await own(client);
  await tells(tenant, { kind: "generation", personId: person.id, generation: 99, untilMs });
  expect(await introspected(asker, tokens.access_token)).toEqual(INACTIVE);
  expect(await isActive(asker, refreshToken)).toBe(true);
  const instanceId = await instanceOf(client);
  await tells(tenant, { kind: "instance-removed", instanceId, clientId: client.client_id, removedAtMs: Date.now() });
  for (const token of [ownToken, tokens.access_token, refreshToken]) {
    expect(await introspected(asker, token)).toEqual(INACTIVE);
  }
});

test("a token is not active once what approved its sign-in has ended: no refresh would be accepted either", async () => {
  const endings: Record<string, (s: Signed) => Promise<unknown>> = {
    "approving token revoked": (s) => ownerRows(sql`update credentials set revoked_at = now() where ${approving(s)}`),
    "approving token expired": (s) =>
      ownerRows(sql`update credentials set valid_until = now() - interval '1 second' where ${approving(s)}`),
    "instance moved from the workspace that the token is bound to": moves,
  };
  for (const [name, ends] of Object.entries(endings)) {
    const made = await signed();
    const bound = await patOf(made.person, null, made.tenant.workspaceId);
    const ofBound = await loginOn(made.client, bound, { scope: "profile:read" });
    const [access, refresh] = [ofBound.access_token, ofBound.refresh_token as string];
    for (const token of [access, refresh]) expect(await isActive(made.asker, token), name).toBe(true);
    await ends(made);
    for (const token of [access, refresh]) expect(await introspected(made.asker, token), name).toEqual(INACTIVE);
    expect(await answered(await refreshWith(made.client, refresh)), name).toEqual([400, "invalid_grant"]);
    // A token that is bound to no workspace goes where the instance goes.
    expect(await isActive(made.asker, made.refreshToken), name).toBe(ends === moves);
  }
});

test("the answer of introspection is JSON and is not stored", async () => {
  const { client, tokens } = await signed();
  for (const token of [tokens.access_token, "x"]) {
    const response = await postForm("/oauth2/introspect", { ...proof(client), token });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("pragma")).toBe("no-cache");
  }
});

test("an unclaimed client learns nothing of anybody's token", async () => {
  const { tokens } = await signed();
  const unclaimed = await registerClient(null);
  expect(await introspected(unclaimed, tokens.access_token)).toEqual(INACTIVE);
});
