import { sql } from "drizzle-orm";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { HOUR_MS } from "../src/core/clock.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, ping, postForm, postJson, signFor, tokenOf } from "../src/testing/instance.ts";
import {
  answered,
  instanceOf,
  introspected,
  type OAuthScene,
  oauthScene,
  revokes,
  sees,
} from "../src/testing/oauth-scene.ts";
import {
  loginOn,
  type OAuthClient,
  proof,
  refreshWith,
  registerClient,
  type Tokens,
} from "../src/testing/oauth-world.ts";
import { ownerRows } from "../src/testing/world.ts";

const GONE = [400, "invalid_grant"];
const DONE = [200, {}];
const PUBLIC = { token_endpoint_auth_method: "none" };

interface Signed extends OAuthScene {
  tokens: Tokens;
  refreshToken: string;
}

async function signed(more: Record<string, unknown> = {}): Promise<Signed> {
  const made = await oauthScene(more);
  const tokens = await loginOn(made.client, made.pat);
  return { ...made, tokens, refreshToken: tokens.refresh_token as string };
}
const own = (client: OAuthClient) => tokenOf(client as Required<OAuthClient>);
const done = async (client: OAuthClient, token: string, more: Record<string, string> = {}) =>
  expect(await answered(await revokes(client, token, more))).toEqual(DONE);

test("a refresh token and an access token can be revoked", async () => {
  const { client, tokens, refreshToken } = await signed();
  await done(client, tokens.access_token);
  expect(await sees(tokens.access_token)).toEqual([401, "token-revoked"]);
  // An access token goes alone.
  const next = await (await refreshWith(client, refreshToken)).json<Tokens>();
  expect(await sees(next.access_token)).toEqual([200, null]);
  await done(client, next.refresh_token as string);
  expect(await sees(next.access_token)).toEqual([401, "sign-in-ended"]);
  expect(await answered(await refreshWith(client, next.refresh_token as string))).toEqual(GONE);
});

test("revocation takes POST with a form alone", async () => {
  const { client, refreshToken, tokens } = await signed();
  const form = { ...proof(client), token: refreshToken };
  for (const method of ["GET", "PUT", "DELETE"]) {
    const response = await call(`/oauth2/revoke?${new URLSearchParams(form)}`, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
  expect((await postJson("/oauth2/revoke", form)).status).toBe(415);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = `${new URLSearchParams(form)}&token=${refreshToken}`;
  expect(await answered(await call("/oauth2/revoke", { method: "POST", body, headers }))).toEqual([
    400,
    "invalid_request",
  ]);
  expect(await sees(tokens.access_token)).toEqual([200, null]);
});

test("revocation takes the client's own secret, or for a public client its id alone", async () => {
  const { client, tokens, refreshToken } = await signed();
  const { client_id } = client;
  for (const sent of [{}, { client_id }, { client_id, client_secret: "x".repeat(43) }] as Record<string, string>[]) {
    for (const token of [refreshToken, tokens.access_token, "x"]) {
      expect(await answered(await postForm("/oauth2/revoke", { ...sent, token }))).toEqual([401, "invalid_client"]);
    }
  }
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  const basic = { authorization: `Basic ${btoa(`${client_id}:${client.client_secret}`)}` };
  expect(await answered(await postForm("/oauth2/revoke", { token: refreshToken }, basic))).toEqual(DONE);
  expect(await sees(tokens.access_token)).toEqual([401, "sign-in-ended"]);
  const open = await signed(PUBLIC);
  await done(open.client, open.refreshToken);
  expect(await sees(open.tokens.access_token)).toEqual([401, "sign-in-ended"]);
});

test("a wrong or unknown token_type_hint is no obstacle", async () => {
  for (const token_type_hint of ["access_token", "refresh_token", "id_token", "ü"]) {
    const { client, tokens, refreshToken } = await signed();
    await done(client, tokens.access_token, { token_type_hint });
    expect(await sees(tokens.access_token)).toEqual([401, "token-revoked"]);
    await done(client, refreshToken, { token_type_hint });
    expect(await answered(await refreshWith(client, refreshToken))).toEqual(GONE);
  }
});

test("a revoked token is refused at once, everywhere", async () => {
  const { client, tokens } = await signed();
  const instanceToken = await own(client);
  expect((await ping(instanceToken)).status).toBe(200);
  await done(client, instanceToken);
  await done(client, tokens.access_token);
  const ask = async (token: string, path: string, method = "GET") =>
    await answered(await call(path, { method, headers: { authorization: `Bearer ${token}` } }));
  const everywhere: [string, string, string][] = [
    [instanceToken, "/instance/alive", "POST"],
    [instanceToken, "/instance/owner", "GET"],
    [instanceToken, "/instance/workspace", "GET"],
    [tokens.access_token, "/instance/user/session", "GET"],
    [tokens.access_token, "/instance/user/profile", "GET"],
    [tokens.access_token, "/instance/user/session/revoke", "POST"],
  ];
  // Without Postgres: it is the gate that refuses.
  await withoutPostgres(async () => {
    for (const [token, path, method] of everywhere) {
      expect(await ask(token, path, method), path).toEqual([401, "token-revoked"]);
    }
  });
  for (const token of [instanceToken, tokens.access_token]) {
    expect(await introspected(client, token)).toEqual([200, { active: false }]);
  }
  // The next one is good: it is the token that was revoked, and not its instance.
  expect((await ping(await own(client))).status).toBe(200);
});

test("with a refresh token all tokens of its family end", async () => {
  const { client, pat, tokens, refreshToken } = await signed();
  const other = await loginOn(client, pat);
  const second = await (await refreshWith(client, refreshToken)).json<Tokens>();
  await done(client, second.refresh_token as string);
  for (const token of [tokens.access_token, second.access_token]) {
    expect(await sees(token)).toEqual([401, "sign-in-ended"]);
    expect(await sees(token, "/instance/user/profile")).toEqual([401, "sign-in-ended"]);
  }
  expect(await answered(await refreshWith(client, second.refresh_token as string))).toEqual(GONE);
  // Another sign-in of the same person on the same instance goes on.
  expect(await sees(other.access_token)).toEqual([200, null]);
  expect((await refreshWith(client, other.refresh_token as string)).status).toBe(200);
});

test("a client that signs out with a token whose successor was lost on the way is signed out", async () => {
  const { client, refreshToken } = await signed();
  const lost = await (await refreshWith(client, refreshToken)).json<Tokens>();
  await done(client, refreshToken);
  expect(await sees(lost.access_token)).toEqual([401, "sign-in-ended"]);
  expect(await answered(await refreshWith(client, lost.refresh_token as string))).toEqual(GONE);
});

test("an unknown, expired or revoked token answers 200, as a good one does", async () => {
  const { tenant, client, tokens, refreshToken } = await signed();
  const instance = await instanceOf(client);
  const expired = await signFor(tenant, instance, Date.now() - 2 * HOUR_MS);
  const forged = `${tokens.access_token.slice(0, -6)}AAAAAA`;
  const answers = new Set<string>();
  for (const token of [
    "x",
    expired,
    forged,
    "ebbt_x",
    tokens.access_token,
    refreshToken,
    tokens.access_token,
    refreshToken,
  ]) {
    const response = await revokes(client, token);
    answers.add(`${response.status} ${await response.text()} ${response.headers.get("cache-control")}`);
  }
  expect([...answers]).toEqual(["200 {} no-store"]);
});

test("the token of another client is not revoked", async () => {
  const { tenant, client, tokens, refreshToken } = await signed();
  const foreign = await oauthScene();
  const instanceToken = await own(client);
  const others = [await registerClient(tenant), await registerClient(tenant, PUBLIC), foreign.client];
  for (const other of others) {
    for (const token of [refreshToken, tokens.access_token, instanceToken]) {
      expect(await answered(await revokes(other, token))).toEqual(GONE);
    }
  }
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  expect((await ping(instanceToken)).status).toBe(200);
  expect((await refreshWith(client, refreshToken)).status).toBe(200);
});

test("a request without a token is invalid_request, a wrong secret invalid_client", async () => {
  const { client } = await signed();
  for (const sent of [proof(client), { ...proof(client), token: "" }] as Record<string, string>[]) {
    expect(await answered(await postForm("/oauth2/revoke", sent))).toEqual([400, "invalid_request"]);
  }
  const wrong = { ...proof(client), client_secret: "x".repeat(43), token: "x" };
  expect(await answered(await postForm("/oauth2/revoke", wrong))).toEqual([401, "invalid_client"]);
  const huge = { ...proof(client), token: "x".repeat(4_001) };
  expect(await answered(await postForm("/oauth2/revoke", huge))).toEqual([400, "invalid_request"]);
  const enormous = { ...proof(client), token: "x".repeat(20_000) };
  expect((await postForm("/oauth2/revoke", enormous)).status).toBe(413);
});

test("when the token cannot be ended now the answer is a 503 with Retry-After", async () => {
  const { client, tokens, refreshToken } = await signed();
  const later = async (response: Response) => {
    expect(await answered(response)).toEqual([503, "temporarily_unavailable"]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  };
  await withoutPostgres(async () => {
    for (const token of [refreshToken, tokens.access_token]) await later(await revokes(client, token));
  });
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  // Ended in Postgres, and the gate has not heard: access tokens are taken still, and the answer must not deny it.
  const { fetch } = await appWithFailingGates("unknown", Number.POSITIVE_INFINITY, "deliver");
  const form = (token: string) => ({ method: "POST", body: new URLSearchParams({ ...proof(client), token }) });
  for (const token of [tokens.access_token, refreshToken, refreshToken]) {
    await later(await fetch("/oauth2/revoke", form(token)));
  }
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  const families = await ownerRows(sql`select ended_at is not null as ended from token_families
    where client_id = ${client.client_id}`);
  expect(families).toEqual([{ ended: true }]);
  // Trying again, as the client is told to, has the gate hear.
  await done(client, refreshToken);
  expect((await sees(tokens.access_token))[0]).toBe(401);
  expect(decodeJwt(tokens.access_token)["sid"]).toMatch(/^fam_/);
});
