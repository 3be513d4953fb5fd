import { evictDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { toHex } from "../src/core/bytes.ts";
import { DAY_MS } from "../src/core/clock.ts";
import type { Id } from "../src/core/id.ts";
import { newId, uuidFromId } from "../src/core/id.ts";
import { workspaces } from "../src/db/schema.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { statementsDuring } from "../src/testing/faults.ts";
import { call, gateOf, ping, postForm, signUserFor, tokenOf } from "../src/testing/instance.ts";
import { instanceOf, introspected, oauthScene, sees, tells } from "../src/testing/oauth-scene.ts";
import { loginOn, type OAuthClient, patOf, proof, refreshWith, type Tokens } from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { signInOn } from "../src/testing/sign-ins.ts";
import { owner, ownerRows, type TestTenant, testRoutingKeys } from "../src/testing/world.ts";

const GOOD = [200, null];
const OUTDATED = [401, "token-outdated"];

interface SignedIn {
  person: TestPerson;
  tokens: Tokens;
}

/** Two people of one tenant who have signed in on one instance. */
async function two(): Promise<{ tenant: TestTenant; client: OAuthClient; ada: SignedIn; bob: SignedIn }> {
  const { tenant, client, person, pat } = await oauthScene();
  const other = await personIn(tenant, "admin");
  return {
    tenant,
    client,
    ada: { person, tokens: await loginOn(client, pat) },
    bob: { person: other, tokens: await loginOn(client, await patOf(other)) },
  };
}

const renewed = async (client: OAuthClient, { refresh_token = "" }: Tokens): Promise<Tokens> => {
  const response = await refreshWith(client, refresh_token);
  expect(response.status).toBe(200);
  return await response.json<Tokens>();
};
const generationOf = ({ access_token }: Tokens) => decodeJwt(access_token)["gen"] as number;
/** What a change of this person's access does: the tenant's counter rises, and the gate hears whom it is about. */
async function raise(tenant: TestTenant, personId: Id<"person">, generation: number): Promise<void> {
  await ownerRows(sql`update workspaces set generation = greatest(generation, ${generation})
    where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  await tells(tenant, { kind: "generation", personId, generation, untilMs: Date.now() + 7 * DAY_MS + 600_000 });
}

test("tokens of the person affected are outdated, and the 401 says so", async () => {
  const { tenant, client, ada } = await two();
  expect(await sees(ada.tokens.access_token)).toEqual(GOOD);
  await raise(tenant, ada.person.id, generationOf(ada.tokens) + 1);
  for (const path of ["/instance/user/session", "/instance/user/profile"]) {
    const headers = { authorization: `Bearer ${ada.tokens.access_token}` };
    const response = await call(path, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer .*error="invalid_token".*refresh it/);
    expect(await response.json()).toMatchObject({ error: "token-outdated", code: 4019 });
  }
  // Also through an eviction, and the instance's own token is no person's.
  await evictDurableObject(gateOf(tenant));
  expect(await sees(ada.tokens.access_token)).toEqual(OUTDATED);
  expect(await introspected(client, ada.tokens.access_token)).toEqual([200, { active: false }]);
  expect((await ping(await tokenOf(client as Required<OAuthClient>))).status).toBe(200);
  // Whoever may do less, or more, may still go.
  const out = { method: "POST", headers: { authorization: `Bearer ${ada.tokens.access_token}` } };
  expect((await call("/instance/user/session/revoke", out)).status).toBe(200);
});

test("a refresh repairs it without signing in again", async () => {
  const { tenant, client, ada } = await two();
  await raise(tenant, ada.person.id, 7);
  expect(await sees(ada.tokens.access_token)).toEqual(OUTDATED);
  const next = await renewed(client, ada.tokens);
  const claims = decodeJwt(next.access_token);
  expect([claims["gen"], claims["sid"]]).toEqual([7, decodeJwt(ada.tokens.access_token)["sid"]]);
  expect(await sees(next.access_token)).toEqual(GOOD);
  expect(await sees(ada.tokens.access_token)).toEqual(OUTDATED);
});

test("other people's tokens keep working, though the counter of the workspace rose: nobody else has to refresh", async () => {
  const { tenant, client, ada, bob } = await two();
  for (const generation of [2, 3, 4]) await raise(tenant, ada.person.id, generation);
  await evictDurableObject(gateOf(tenant));
  expect(generationOf(bob.tokens)).toBeLessThan(2);
  expect(await sees(bob.tokens.access_token)).toEqual(GOOD);
  expect(await sees(bob.tokens.access_token, "/instance/user/profile")).toEqual(GOOD);
  expect(await introspected(client, bob.tokens.access_token)).toEqual([200, expect.objectContaining({ active: true })]);
  // Asking whether it is outdated costs no statement.
  expect(await statementsDuring(() => sees(bob.tokens.access_token))).toBe(0);
  const next = await renewed(client, bob.tokens);
  expect(generationOf(next)).toBe(4);
  for (const { access_token } of [bob.tokens, next]) expect(await sees(access_token)).toEqual(GOOD);
});

test("a lower message that comes later takes nothing back", async () => {
  const { tenant, client, ada } = await two();
  await raise(tenant, ada.person.id, 5);
  const next = await renewed(client, ada.tokens);
  for (const generation of [3, 1, 5]) await raise(tenant, ada.person.id, generation);
  expect(await sees(ada.tokens.access_token)).toEqual(OUTDATED);
  expect(await sees(next.access_token)).toEqual(GOOD);
  await raise(tenant, ada.person.id, 6);
  expect(await sees(next.access_token)).toEqual(OUTDATED);
});

test("a message of another tenant's gate is about that tenant alone", async () => {
  const [here, there] = [await two(), await two()];
  await raise(there.tenant, here.ada.person.id, 9);
  expect(await sees(here.ada.tokens.access_token)).toEqual(GOOD);
});

test("changing somebody's role over the API outdates their tokens, and nobody else's", async () => {
  const { client, ada, bob } = await two();
  const response = await call(`/api/v1/members/${bob.person.memberId}`, {
    method: "PATCH",
    headers: { ...(await sessionHeaders(ada.person, "PATCH")), "content-type": "application/json" },
    body: JSON.stringify({ role: "member" }),
  });
  expect(response.status).toBe(200);
  expect(await sees(bob.tokens.access_token)).toEqual(OUTDATED);
  expect(await sees(ada.tokens.access_token)).toEqual(GOOD);
  expect(await sees((await renewed(client, bob.tokens)).access_token)).toEqual(GOOD);
});

/** Somebody signed in on the client, past the device: the refresh token, and an access token of before a move. */
async function signedInOn(tenant: TestTenant, client: OAuthClient) {
  const instance = await instanceOf(client);
  const { id: personId } = await personIn(tenant, "member");
  const familyId = await signInOn(tenant, instance, personId, { clientId: client.client_id, scope: "profile:read" });
  const refreshToken = await mintRoutingId("refresh-token", tenant.gateId, await testRoutingKeys());
  const hash = toHex(await hashSecret(refreshToken));
  await ownerRows(sql`update refresh_tokens set secret_hash = decode(${hash}, 'hex')
    where family_id = ${uuidFromId("tokenFamily", familyId)}`);
  const { client_id: clientId } = client;
  const former = await signUserFor(tenant, instance, { personId, familyId, clientId, generation: 0 });
  return { former, refreshToken };
}

test("after a move all 35 people of an instance go on with one refresh each, and the instance with its own token", async () => {
  const { tenant, client } = await oauthScene();
  const people = await Promise.all(Array.from({ length: 35 }, () => signedInOn(tenant, client)));
  const second = newId("workspace", Date.now());
  await owner((db) =>
    db
      .insert(workspaces)
      .values({ id: second, tenantId: tenant.id, name: "Second", generation: 0, createdAt: Date.now() }),
  );
  expect(await sees(people[0]?.former as string)).toEqual(GOOD);
  const moved = await call(`/api/v1/instances/${await instanceOf(client)}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ workspace_id: second }),
  });
  expect(moved.status).toBe(200);
  for (const { former } of people) expect(await sees(former)).toEqual(OUTDATED);
  const answers = await Promise.all(people.map(({ refreshToken }) => refreshWith(client, refreshToken)));
  expect(answers.map(({ status }) => status)).toEqual(Array(35).fill(200));
  for (const answer of answers) {
    expect(await sees((await answer.json<Tokens>()).access_token)).toEqual(GOOD);
    expect(answer.headers.get("ratelimit-policy")).toMatch(
      /^"refresh-client";q=300;w=60, "refresh-tenant";q=\d+;w=60$/,
    );
  }
  const own = { ...proof(client), grant_type: "client_credentials" };
  expect((await postForm("/oauth2/token", own)).headers.get("ratelimit")).toContain('"token-client";r=29');
});

test("refreshes have a limit of their own: the 301st in a minute is refused, and loses nothing", async () => {
  const { tenant, client } = await oauthScene();
  const { refreshToken } = await signedInOn(tenant, client);
  const { gateId } = tenant;
  const secretHash = await hashSecret(client.client_secret as string);
  const refresh = { v: PROTOCOL, gateId, clientId: client.client_id, secretHash, routeClass: "refresh" } as const;
  const outcomes = [];
  for (let i = 0; i < 299; i++) {
    outcomes.push((await gateOf(tenant).authenticateClient({ ...refresh, requestId: `req_${i}` })).outcome);
  }
  expect(new Set(outcomes)).toEqual(new Set(["genuine"]));
  const last = await renewed(client, { refresh_token: refreshToken } as Tokens);
  const over = await refreshWith(client, last.refresh_token as string);
  expect([over.status, (await over.json<{ error: string }>()).error]).toEqual([429, "slow_down"]);
  expect(over.headers.get("ratelimit")).toContain('"refresh-client";r=0');
  const waitS = Number(over.headers.get("retry-after"));
  expect(waitS > 0 && waitS <= 60).toBe(true);
  // Nobody's sign-in has ended by it, and the client's other requests are counted apart.
  expect(await sees(last.access_token)).toEqual(GOOD);
  expect((await postForm("/oauth2/token", { ...proof(client), grant_type: "client_credentials" })).status).toBe(200);
});
