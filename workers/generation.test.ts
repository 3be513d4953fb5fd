import { evictDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { DAY_MS } from "../src/core/clock.ts";
import type { Id } from "../src/core/id.ts";
import { uuidFromId } from "../src/core/id.ts";
import { statementsDuring } from "../src/testing/faults.ts";
import { call, gateOf, ping, tokenOf } from "../src/testing/instance.ts";
import { introspected, oauthScene, sees, tells } from "../src/testing/oauth-scene.ts";
import { loginOn, type OAuthClient, patOf, refreshWith, type Tokens } from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders, type TestPerson } from "../src/testing/people.ts";
import { ownerRows, type TestTenant } from "../src/testing/world.ts";

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
