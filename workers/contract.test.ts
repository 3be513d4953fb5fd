import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { routesOf } from "../src/app.ts";
import { type Id, idFromUuid, newId, uuidFromId } from "../src/core/id.ts";
import { newGateId } from "../src/core/region.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { contractCases } from "../src/http/contract.ts";
import { call, gateOf, manyInstances, ORIGIN, signFor, signUserFor } from "../src/testing/instance.ts";
import { personIn } from "../src/testing/people.ts";
import { ownerRows, type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** Everything of a tenant that a refused request could have changed; that a key was used is no change. */
const stateOf = async (tenant: TestTenant) => {
  const id = uuidFromId("tenant", tenant.id);
  return await ownerRows(sql`
    select (select json_agg(i order by i.id) from instances i where tenant_id = ${id})::text as instances,
           (select json_agg(k order by k.id) from registration_keys k where tenant_id = ${id})::text as keys,
           (select json_agg(to_jsonb(c) - 'last_used_at' order by c.id) from credentials c where tenant_id = ${id})::text as credentials,
           (select json_agg(m order by m.id) from memberships m where tenant_id = ${id})::text as members,
           (select json_agg(v order by v.id) from invitations v where tenant_id = ${id})::text as invitations,
           (select json_agg(w order by w.id) from workspaces w where tenant_id = ${id})::text as workspaces,
           (select json_agg(s order by s.id) from subscriptions s where tenant_id = ${id})::text as subscriptions,
           (select count(*) from audit_entries where tenant_id = ${id}) as audit`);
};

test("every route refuses what it must, for every hostile request that its declaration implies", {
  timeout: 120_000,
}, async () => {
  const [own, beside] = [await testTenant(), await testTenant()];
  const [mine] = (await manyInstances(own, 1)) as [Id<"instance">];
  const [theirs] = (await manyInstances(beside, 1)) as [Id<"instance">];
  const [theirKey] = await ownerRows<{ id: string }>(
    sql`select id from registration_keys where tenant_id = ${uuidFromId("tenant", beside.id)}`,
  );
  const [theirApiKey] = await ownerRows<{ id: string }>(
    sql`select id from credentials where kind = 'api-key' and tenant_id = ${uuidFromId("tenant", beside.id)}`,
  );
  const theirInvitation = newId("invitation", Date.now());
  await ownerRows(sql`
    insert into invitations (id, tenant_id, email, role, secret_hash, created_at, valid_until)
      values (${uuidFromId("invitation", theirInvitation)}, ${uuidFromId("tenant", beside.id)}, 'a@b.test', 'member', sha256('x'), now(), now() + interval '1 day')`);
  // Hundreds of requests with one credential: the limits have tests of their own.
  await gateOf(own).deliver({
    v: PROTOCOL,
    gateId: own.gateId,
    messages: [
      {
        id: 1,
        message: {
          kind: "tenant",
          tenantId: own.id,
          status: "active",
          plan: "enterprise",
          overrides: { "account-key": 100_000 },
        },
      },
    ],
  });
  const routing = await testRoutingKeys();
  const token = await signFor(own, mine);
  const userToken = await signUserFor(own, mine);
  const forgedKeys = [
    `${own.apiKey.slice(0, -2)}AA`,
    await mintRoutingId("api-key", newGateId("any"), routing),
    own.registrationKey,
  ];
  const cases = contractCases(routesOf(await createDeps(env)), {
    origin: ORIGIN,
    credentials: {
      account: own.apiKey,
      "account-or-user": own.apiKey,
      "instance-token": token,
      "user-token": userToken,
    },
    forged: {
      account: forgedKeys,
      "account-or-user": [...forgedKeys, `${userToken.slice(0, -8)}AAAAAAAA`],
      "instance-token": [`${token.slice(0, -8)}AAAAAAAA`, userToken],
      "user-token": [`${userToken.slice(0, -8)}AAAAAAAA`, token],
    },
    foreignIds: {
      id: "ebbc_nobody",
      instance_id: theirs,
      key_id: idFromUuid("credential", theirApiKey?.id ?? ""),
      token_id: idFromUuid("credential", theirApiKey?.id ?? ""),
      tenant_id: beside.id,
      policy: "alive-tenant",
      retention_class: "tool-execution-logs",
      session_id: newId("session", Date.now()),
      sign_in_id: newId("tokenFamily", Date.now()),
      identity_provider_id: newId("identityProvider", Date.now()),
      provider: "nobody",
      hold_id: newId("legalHold", Date.now()),
      invitation_id: theirInvitation,
      user_id: (await personIn(beside, "member")).id,
      workspace_id: beside.workspaceId,
      voucher_id: newId("voucher", Date.now()),
      member_id: (await personIn(beside, "member")).memberId,
      registration_key_id: idFromUuid("registrationKey", theirKey?.id ?? ""),
    },
  });
  const before = [await stateOf(own), await stateOf(beside)];
  const wrong: unknown[] = [];
  for (const { name, request, expect: wanted } of cases) {
    const response = await call(request.url.slice(ORIGIN.length), request);
    const body = await response.json<{ error: string }>().catch(() => null);
    const problem = response.headers.get("content-type") === "application/problem+json" ? body?.error : undefined;
    const said =
      problem === undefined || wanted.problem === undefined || (wanted.problem as string[]).includes(problem);
    if (!wanted.statuses.includes(response.status) || body === null || !said) {
      wrong.push({ name, wanted, status: response.status, body });
    }
  }
  expect(wrong).toEqual([]);
  expect(cases.length).toBeGreaterThan(150);
  expect([await stateOf(own), await stateOf(beside)]).toEqual(before);
  // The positive control: the same credential does see its own.
  const visible = await call(`/api/v1/instances/${mine}`, { headers: { authorization: `Bearer ${own.apiKey}` } });
  expect(visible.status).toBe(200);
});

test("another tenant's resource, one that never was and one that was removed: the same 404, byte for byte", async () => {
  const [own, beside] = [await testTenant(), await testTenant()];
  const [theirs] = (await manyInstances(beside, 1)) as [Id<"instance">];
  const [removed] = (await manyInstances(own, 1)) as [Id<"instance">];
  await ownerRows(sql`update instances set removed_at = now() where id = ${uuidFromId("instance", removed)}`);
  const answers = new Set<string>();
  for (const method of ["GET", "DELETE"]) {
    for (const id of [theirs, removed, newId("instance", Date.now())]) {
      const response = await call(`/api/v1/instances/${id}`, {
        method,
        headers: { authorization: `Bearer ${own.apiKey}` },
      });
      const headers = [...response.headers].filter(([name]) => name !== "x-request-id");
      answers.add(JSON.stringify([response.status, headers, (await response.text()).replace(/req_\w+/, "")]));
    }
  }
  expect([...answers]).toEqual([expect.stringMatching(/^\[404,/)]);
});
