import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { identityProviders, workspaces } from "../src/db/schema.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { call, gateOf, postJson } from "../src/testing/instance.ts";
import {
  answerWith,
  beginLogin,
  loginOn,
  patOf,
  poll,
  proof,
  REDIRECT_URI,
  refreshWith,
  registerClient,
} from "../src/testing/oauth-world.ts";
import { personIn, sessionHeaders } from "../src/testing/people.ts";
import { owner, ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** What was approved holds only as long as what it was approved on: the workspace, the provider, the registration. */

const said = async (response: Response) => [response.status, (await response.json<{ error?: string }>()).error];

async function workspaceIn(tenant: TestTenant, name: string): Promise<Id<"workspace">> {
  const id = newId("workspace", Date.now());
  await owner((db) =>
    db.insert(workspaces).values({ id, tenantId: tenant.id, name, generation: 0, createdAt: Date.now() }),
  );
  return id;
}

test("a sign-in that a token of one workspace approved does not go with its instance into another", async () => {
  const tenant = await testTenant();
  const ada = await personIn(tenant, "owner");
  const client = await registerClient(tenant);
  const bound = await loginOn(client, await patOf(ada, null, tenant.workspaceId));
  const free = await loginOn(client, await patOf(ada));
  const [row] = await ownerRows<{ id: string }>(sql`select id from instances where client_id = ${client.client_id}`);
  const lab = await workspaceIn(tenant, "Lab");
  await ownerRows(sql`update instances set workspace_id = ${uuidFromId("workspace", lab)} where id = ${row?.id}`);
  expect(await said(await refreshWith(client, bound.refresh_token as string))).toEqual([400, "invalid_grant"]);
  expect((await refreshWith(client, free.refresh_token as string)).status).toBe(200);
});

test("what a person of a removed provider has approved and nobody has redeemed is worth nothing", async () => {
  const tenant = await testTenant();
  const theirs = await personIn(tenant, "member", { provider: tenant.id });
  const others = await personIn(tenant, "member");
  const client = await registerClient(tenant);
  const [mine, notMine] = [await beginLogin(client), await beginLogin(client)];
  expect((await answerWith(await patOf(theirs), "approve", mine)).status).toBe(200);
  expect((await answerWith(await patOf(others), "approve", notMine)).status).toBe(200);
  const id = newId("identityProvider", Date.now());
  await owner((db) =>
    db.insert(identityProviders).values({
      id,
      tenantId: tenant.id,
      name: "Ours",
      issuer: "https://login.example.test",
      clientId: "ebb",
      clientSecret: new Uint8Array(32),
      createdAt: Date.now(),
    }),
  );
  const headers = await sessionHeaders(await personIn(tenant, "owner"), "DELETE");
  expect((await call(`/api/v1/identity-providers/${id}`, { method: "DELETE", headers })).status).toBe(200);
  expect(await said(await poll(client, mine))).toEqual([400, "access_denied"]);
  expect((await poll(client, notMine)).status).toBe(200);
});

test("who may not claim uses up no try at a claim code, and does not learn whether it is right", async () => {
  const tenant = await testTenant();
  const ada = await personIn(tenant, "member");
  const client = await registerClient(null, { require_claim_code: true });
  const login = await beginLogin(client);
  const claim_code = client.claim_code as string;
  for (const pat of [
    await patOf(ada, ["device:approve", "profile:read"], tenant.workspaceId),
    await patOf(ada, ["device:approve", "profile:read", "instance:claim"]),
  ]) {
    for (const code of [claim_code, "BBBBB-BBBBB"]) {
      expect(await said(await answerWith(pat, "approve", login, { claim_code: code }))).toEqual([403, "access_denied"]);
    }
  }
  const [row] = await ownerRows(
    sql`select claim_attempts from unclaimed_registrations where client_id = ${client.client_id}`,
  );
  expect(row).toEqual({ claim_attempts: 0 });
  const able = await patOf(ada, null, tenant.workspaceId);
  expect((await answerWith(able, "approve", login, { claim_code })).status).toBe(200);
});

test("a client that changes what it registered shows in its tenant's history; late news of it changes nothing", async () => {
  const tenant = await testTenant();
  const client = await registerClient(tenant);
  const change = { ...proof(client), scope: "profile:read", grant_types: ["authorization_code"] };
  const changed = await call(`/oauth2/register/${client.client_id}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...change, redirect_uris: ["https://new.example/cb"] }),
  });
  expect(changed.status).toBe(200);
  const events = await ownerRows(
    sql`select event, outcome, actor_kind from authentication_events where tenant_id = ${uuidFromId("tenant", tenant.id)} and event = 'client-changed'`,
  );
  expect(events).toEqual([{ event: "client-changed", outcome: "succeeded", actor_kind: "instance" }]);
  const gate = gateOf(tenant);
  const known = async () => {
    const answer = await gate.client({ v: PROTOCOL, gateId: tenant.gateId, clientId: client.client_id });
    return answer.outcome === "known" ? answer.client.redirectUris : answer.outcome;
  };
  expect(await known()).toEqual(["https://new.example/cb"]);
  // The registration's own message, which came before.
  const [first] = await ownerRows<{ id: number; message: never }>(
    sql`select id::int, message from outbox where gate_id = ${tenant.gateId} and message ->> 'kind' = 'client' order by id limit 1`,
  );
  const messages = [{ id: Number(first?.id), message: first?.message as never }];
  expect(await gate.deliver({ v: PROTOCOL, gateId: tenant.gateId, messages })).toEqual([Number(first?.id)]);
  expect(await known()).toEqual(["https://new.example/cb"]);
});

test("a refresh for less keeps profile:read, without which nothing is granted", async () => {
  const tenant = await testTenant();
  const client = await registerClient(tenant);
  const tokens = await loginOn(client, await patOf(await personIn(tenant, "owner")));
  const narrow = await refreshWith(client, tokens.refresh_token as string, { scope: "assistant" });
  expect(await said(narrow)).toEqual([400, "invalid_scope"]);
  expect((await refreshWith(client, tokens.refresh_token as string, { scope: "profile:read" })).status).toBe(200);
});

test("nothing is looked up for a made-up request before somebody has signed in", async () => {
  const carried = btoa(
    JSON.stringify({ client_id: "ebbc_x", redirect_uri: REDIRECT_URI, scope: "", state: null, code_challenge: null }),
  ).replace(/=+$/, "");
  const sent = await call("/consent", { headers: { cookie: `__Host-ebb-request=${carried}` }, redirect: "manual" });
  expect([sent.status, sent.headers.get("location")]).toEqual([303, "/login?return_to=%2Fconsent"]);
  expect((await call("/consent")).status).toBe(404);
  expect((await postJson("/oauth2/register", {})).status).toBe(400);
});
