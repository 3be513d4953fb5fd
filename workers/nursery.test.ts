import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mintRoutingId } from "../src/access/routing-id.ts";
import { hashSecret } from "../src/access/secret.ts";
import { toBase64Url } from "../src/core/bytes.ts";
import { DAY_MS, HOUR_MS } from "../src/core/clock.ts";
import type { GateMessage } from "../src/core/gate-message.ts";
import { decodeDecision } from "../src/gate/decision-text.ts";
import { type ClientAnswer, PROTOCOL } from "../src/gate/protocol.ts";
import { visitPlatformGates } from "../src/jobs/visit-platform-gates.ts";
import { call, gateOf, ping, postForm, signFor, tellGate } from "../src/testing/instance.ts";
import { adopt, clientCall, facts, nurseryOf, type Unclaimed, unclaimed } from "../src/testing/nursery.ts";
import { type TestTenant, testRoutingKeys, testTenant } from "../src/testing/world.ts";
import { createDeps } from "./runtime.ts";

/** Clients that nobody has claimed yet: whole hours, so that no bucket ends in the middle of a test. */
const START = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
afterEach(() => void vi.useRealTimers());

const authenticate = async (client: Unclaimed, more: Partial<Awaited<ReturnType<typeof clientCall>>> = {}) =>
  await nurseryOf(client).authenticateClient(await clientCall(client, more));
const look = ({ gateId, clientId }: Pick<Unclaimed, "gateId" | "clientId">) =>
  nurseryOf({ gateId }).client({ v: PROTOCOL, gateId, clientId });
const forward = (client: Unclaimed, { gateId }: Pick<TestTenant, "gateId">) =>
  nurseryOf(client).forward({ v: PROTOCOL, gateId: client.gateId, clientId: client.clientId, toGateId: gateId });
const policiesOf = (answer: ClientAnswer) =>
  answer.outcome === "moved" ? [] : decodeDecision(answer.decision).states.map(({ name }) => name);
const adopted = async (secret?: string | null): Promise<Unclaimed> => {
  const client = await unclaimed(secret);
  expect(await adopt(client)).toBe("adopted");
  return client;
};
/** Every row of the nursery's that names the client. */
const rowsOf = ({ gateId, clientId }: Unclaimed) =>
  runInDurableObject(nurseryOf({ gateId }), (_, { storage }) =>
    ["client", "forward"].flatMap((table) =>
      storage.sql.exec(`select * from ${table} where client_id = ?`, clientId).toArray(),
    ),
  );

let news = 10_000;
const deliver = async (tenant: TestTenant, message: GateMessage) => {
  const messages = [{ id: news++, message }];
  expect(await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages })).toHaveLength(1);
};
/** What claiming does: the tenant's gate hears of the client, and the nursery of where it went. */
const claim = async (client: Unclaimed, tenant: TestTenant) => {
  const { clientId, instanceId, secretHash } = client;
  await tellGate(tenant, {});
  const hash = secretHash === null ? null : toBase64Url(secretHash);
  const { scope } = client.client;
  await deliver(tenant, { kind: "client", clientId, instanceId, secretHash: hash, scope, client: client.client });
  await forward(client, tenant);
};

test("an unclaimed client is genuine by its secret, through an eviction, and nobody's; who it is needs no secret", async () => {
  const client = await adopted();
  expect(await adopt(client)).toBe("adopted");
  await evictDurableObject(nurseryOf(client));
  const answer = await authenticate(client);
  expect(answer).toEqual({
    outcome: "genuine",
    claimed: null,
    client: client.client,
    decision: expect.any(String),
  });
  expect(policiesOf(answer)).toEqual(["token-client", "token-tenant"]);
  expect(await look(client)).toEqual({ outcome: "known", claimed: null, client: client.client });
  expect(await look({ ...client, clientId: "ebbc_other" })).toEqual({ outcome: "unknown" });
});

test("adopting once more changes nothing of it, whatever it says then", async () => {
  const client = await adopted();
  const other = { ...client, secretHash: await hashSecret("x"), client: facts({ scope: "billing:write" }) };
  expect(await adopt({ ...other, expiresAtMs: START + 90 * DAY_MS })).toBe("adopted");
  expect(await authenticate(client)).toMatchObject({ outcome: "genuine", client: client.client });
  vi.setSystemTime(client.expiresAtMs);
  expect(await look(client)).toEqual({ outcome: "unknown" });
});

test("a registration is over to the millisecond after 24 hours, and gone after the daily visit", async () => {
  const client = await adopted();
  vi.setSystemTime(client.expiresAtMs - 1);
  expect((await authenticate(client)).outcome).toBe("genuine");
  vi.setSystemTime(client.expiresAtMs);
  const answer = await authenticate(client);
  expect([answer.outcome, policiesOf(answer)]).toEqual(["unknown", ["token-guess"]]);
  expect(await look(client)).toEqual({ outcome: "unknown" });
  const change = { v: PROTOCOL, ...client, client: facts({ scope: "" }) } as const;
  expect(await nurseryOf(client).change(change)).toBe(false);
  vi.setSystemTime(client.expiresAtMs + HOUR_MS);
  expect(await visitPlatformGates(await createDeps(env))).toEqual({ visited: 128, failed: 0 });
  expect(await rowsOf(client)).toEqual([]);
});

test("a nursery takes in 20,000 at once, none more, and more again when some have expired or were claimed", async () => {
  const [client, next, last] = [await unclaimed(), await unclaimed(), await unclaimed()];
  const { gateId } = client;
  const here = (one: Unclaimed): Unclaimed => ({ ...one, gateId });
  expect(await adopt(client)).toBe("adopted");
  await runInDurableObject(nurseryOf(client), (_, { storage }) => {
    storage.sql.exec(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 19999)
       insert into client (client_id, instance_id, facts, claimed, expires_at) select 'many ' || i, 'i', '{}', 0, ? from n`,
      START + 12 * HOUR_MS,
    );
  });
  await evictDurableObject(nurseryOf(client));
  expect(await adopt(here(next))).toBe("full");
  expect(await look(here(next))).toEqual({ outcome: "unknown" });
  // Repeating an earlier one is no more than it was.
  expect(await adopt(client)).toBe("adopted");
  await forward(client, await testTenant());
  expect(await adopt(here(next))).toBe("adopted");
  expect(await adopt(here(last))).toBe("full");
  vi.setSystemTime(START + 12 * HOUR_MS);
  expect(await adopt({ ...here(last), expiresAtMs: START + 36 * HOUR_MS })).toBe("adopted");
});

test("a claimed client's id leads on for 90 days, and nothing else of the client is left; then nothing at all", async () => {
  const [client, tenant] = [await adopted(), await testTenant()];
  await claim(client, tenant);
  await forward(client, tenant);
  const expires_at = START + 90 * DAY_MS;
  expect(await rowsOf(client)).toEqual([{ client_id: client.clientId, gate_id: tenant.gateId, expires_at }]);
  const moved = { outcome: "moved", gateId: tenant.gateId };
  for (const at of [START, expires_at - 1]) {
    vi.setSystemTime(at);
    await nurseryOf(client).flush();
    await evictDurableObject(nurseryOf(client));
    expect(await authenticate(client)).toEqual(moved);
    // Whoever does not know the secret is led there too, and refused there.
    expect(await authenticate({ ...client, secret: "wrong" })).toEqual(moved);
    expect(await look(client)).toEqual(moved);
    expect(await adopt({ ...client, expiresAtMs: at + DAY_MS })).toBe("adopted");
    expect(await look(client)).toEqual(moved);
  }
  const there = await clientCall({ ...client, gateId: tenant.gateId });
  expect(await gateOf(tenant).authenticateClient(there)).toMatchObject({
    outcome: "genuine",
    claimed: { instanceId: client.instanceId, tenantId: tenant.id, gateId: tenant.gateId },
    client: client.client,
  });
  vi.setSystemTime(expires_at + HOUR_MS);
  expect(await visitPlatformGates(await createDeps(env))).toEqual({ visited: 128, failed: 0 });
  expect(await rowsOf(client)).toEqual([]);
  expect(await look(client)).toEqual({ outcome: "unknown" });
});

test("a forward of a client that was never here, or expired here, leads on too; the first word stays", async () => {
  const [client, tenant, other] = [await unclaimed(), await testTenant(), await testTenant()];
  await forward(client, tenant);
  await forward(client, other);
  expect(await look(client)).toEqual({ outcome: "moved", gateId: tenant.gateId });
  // A nursery leads to tenants' gates alone, and only a nursery takes in and leads.
  await runInDurableObject(nurseryOf(client), async (gate) => {
    for (const toGateId of [client.gateId, "somewhere", ""]) {
      const wrong = { v: PROTOCOL, gateId: client.gateId, clientId: "ebbc_x", toGateId } as const;
      await expect(gate.forward(wrong)).rejects.toThrow(RangeError);
    }
    const { secret: _, ...call } = client;
    for (const wrong of [{ secretHash: new Uint8Array() }, { expiresAtMs: Number.NaN }, { client: {} as never }])
      await expect(gate.adopt({ v: PROTOCOL, ...call, clientId: "ebbc_x", ...wrong })).rejects.toThrow(RangeError);
  });
  await runInDurableObject(gateOf(tenant), async (gate) => {
    const { secret: _, ...call } = client;
    await expect(gate.adopt({ v: PROTOCOL, ...call, gateId: tenant.gateId })).rejects.toThrow(RangeError);
  });
});

test("wrong secrets of an unclaimed client are limited, count apart, and lock its owner out of nothing", async () => {
  const client = await adopted();
  const outcomes: string[] = [];
  for (let i = 0; i < 33; i++) outcomes.push((await authenticate({ ...client, secret: `guess ${i}` })).outcome);
  expect(outcomes).toEqual([...Array(30).fill("wrong-secret"), "limited", "limited", "limited"]);
  expect((await authenticate(client, { secretHash: new Uint8Array() })).outcome).toBe("limited");
  expect((await authenticate(client)).outcome).toBe("genuine");
  // So are guesses at ids that nobody has.
  const nobody = { ...client, clientId: "ebbc_nobody" };
  for (let i = 0; i < 30; i++) expect((await authenticate(nobody)).outcome).toBe("unknown");
  expect((await authenticate(nobody)).outcome).toBe("limited");
});

test("a public client is genuine without a secret and not with one; a confidential one not without", async () => {
  const [pub, confidential] = [await adopted(null), await adopted()];
  expect((await authenticate(pub)).outcome).toBe("genuine");
  expect((await authenticate({ ...pub, secret: "x" })).outcome).toBe("wrong-secret");
  expect((await authenticate(pub, { secretHash: new Uint8Array() })).outcome).toBe("wrong-secret");
  expect((await authenticate({ ...confidential, secret: null })).outcome).toBe("wrong-secret");
  const tenant = await testTenant();
  await claim(pub, tenant);
  expect((await gateOf(tenant).authenticateClient(await clientCall({ ...pub, gateId: tenant.gateId }))).outcome).toBe(
    "genuine",
  );
});

test("polling is counted apart from tokens: 1,500 an hour, while 30 tokens are its own limit", async () => {
  const client = await adopted();
  for (let i = 0; i < 30; i++) await authenticate(client);
  expect((await authenticate(client)).outcome).toBe("limited");
  const poll = await authenticate(client, { routeClass: "poll" });
  expect([poll.outcome, policiesOf(poll)]).toEqual(["genuine", ["poll-client", "poll-tenant"]]);
  if (poll.outcome === "genuine") {
    expect(decodeDecision(poll.decision).states[0]).toMatchObject({ limit: 1_500, remaining: 1_499 });
    // A nursery has no tenant: those of the greatest plan hold, for all of its clients together.
    expect(decodeDecision(poll.decision).states[1]).toMatchObject({ limit: 600_000 });
  }
  expect(policiesOf(await authenticate({ ...client, secret: "x" }, { routeClass: "poll" }))).toEqual(["token-guess"]);
});

test("what an unclaimed client registered can be changed, its secret too; of a claimed one it cannot here", async () => {
  const [client, tenant] = [await adopted(), await testTenant()];
  const changed = facts({ scope: "profile:read", name: null, registeredAtMs: client.client.registeredAtMs });
  const change = async (of: Unclaimed) =>
    await nurseryOf(of).change({ v: PROTOCOL, ...of, secretHash: await hashSecret("new"), client: changed });
  expect(await change(client)).toBe(true);
  expect((await authenticate(client)).outcome).toBe("wrong-secret");
  expect(await authenticate({ ...client, secret: "new" })).toMatchObject({ outcome: "genuine", client: changed });
  expect(await change({ ...client, clientId: "ebbc_nobody" })).toBe(false);
  await claim(client, tenant);
  expect(await change(client)).toBe(false);
  expect(await look(client)).toMatchObject({ outcome: "moved" });
});

test("a nursery is no tenant's: news of one are not taken, and no token makes it one", async () => {
  const [client, tenant] = [await adopted(), await testTenant()];
  const { gateId } = client;
  const message = { kind: "tenant", tenantId: tenant.id, status: "suspended", plan: "free" } as const;
  expect(await nurseryOf(client).deliver({ v: PROTOCOL, gateId, messages: [{ id: 1, message }] })).toEqual([]);
  const judged = { v: PROTOCOL, gateId, tenantId: tenant.id, presented: [], issuedAtMs: Date.now() } as const;
  expect(await nurseryOf(client).judge(judged)).toEqual({ reason: "token-revoked" });
  expect((await ping(await signFor({ id: tenant.id, gateId }, client.instanceId))).status).toBe(401);
  expect((await authenticate(client)).outcome).toBe("genuine");
});

test("over HTTP: an unclaimed client is told so, a claimed one gets its token by the same id, a revoked one none", async () => {
  const [made, tenant] = [await unclaimed(), await testTenant()];
  const clientId = await mintRoutingId("client-id", made.gateId, await testRoutingKeys());
  const client = { ...made, clientId };
  await adopt(client);
  const ask = async (secret = client.secret as string) => {
    const form = { grant_type: "client_credentials", client_id: clientId, client_secret: secret };
    const response = await postForm("/oauth2/token", form);
    return [response.status, await response.json<Record<string, unknown>>()] as const;
  };
  expect(await ask()).toMatchObject([400, { error: "unauthorized_client" }]);
  expect(await ask("wrong")).toMatchObject([401, { error: "invalid_client" }]);
  await claim(client, tenant);
  const [status, token] = await ask();
  expect([status, token["scope"]]).toEqual([200, client.client.scope]);
  const headers = { authorization: `Bearer ${token["access_token"]}` };
  const owner = await call("/instance/owner", { headers });
  expect([owner.status, await owner.json()]).toEqual([200, { id: tenant.id, kind: "team" }]);
  expect(await ask("wrong")).toMatchObject([401, { error: "invalid_client" }]);

  await deliver(tenant, { kind: "client-revoked", clientId, instanceId: client.instanceId, revokedAtMs: Date.now() });
  expect(await ask()).toMatchObject([401, { error: "invalid_client" }]);
  expect(await gateOf(tenant).client({ v: PROTOCOL, gateId: tenant.gateId, clientId })).toEqual({ outcome: "revoked" });
  expect((await call("/instance/owner", { headers })).status).toBe(401);
});

test("a revoked client's tombstone stays while its instance is listed, and goes 90 days after it was removed", async () => {
  const [client, tenant] = [await unclaimed(), await testTenant()];
  await claim(client, tenant);
  const { clientId, instanceId } = client;
  const there = { v: PROTOCOL, gateId: tenant.gateId, clientId } as const;
  const outcome = async () => (await gateOf(tenant).client(there)).outcome;
  await deliver(tenant, { kind: "client-revoked", clientId, instanceId, revokedAtMs: START });
  // A registration that comes late brings nothing back.
  await claim(client, tenant);
  expect(await outcome()).toBe("revoked");
  vi.setSystemTime(START + 400 * DAY_MS);
  await gateOf(tenant).flush();
  expect(await outcome()).toBe("revoked");
  await deliver(tenant, { kind: "instance-removed", clientId, instanceId, removedAtMs: Date.now() });
  vi.setSystemTime(START + 489 * DAY_MS);
  expect(await outcome()).toBe("revoked");
  vi.setSystemTime(START + 490 * DAY_MS);
  await evictDurableObject(gateOf(tenant));
  await gateOf(tenant).flush();
  expect(await outcome()).toBe("unknown");
});

test("a client of a gate that was made before knows its scope, and when it registered by its id", async () => {
  const [client, tenant] = [await unclaimed(), await testTenant()];
  await tellGate(tenant, {});
  const { clientId, instanceId, secretHash } = client;
  const before = { secretHash: toBase64Url(secretHash as Uint8Array), scope: "profile:read" };
  await deliver(tenant, { kind: "client", clientId, instanceId, ...before });
  const answer = await gateOf(tenant).authenticateClient({
    ...(await clientCall({ ...client, gateId: tenant.gateId })),
    v: 1 as never,
  });
  // And the version before is answered in its words.
  expect(answer).toMatchObject({ outcome: "genuine", instanceId, tenantId: tenant.id, gateId: tenant.gateId });
  expect(answer).toMatchObject({
    scope: "profile:read",
    client: { name: null, scope: "profile:read", redirectUris: [], registeredAtMs: START },
  });
});
