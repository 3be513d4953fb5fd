import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { HOUR_MS } from "../src/core/clock.ts";
import type { GateMessage } from "../src/core/gate-message.ts";
import { type Id, newId } from "../src/core/id.ts";
import { type PingAnswer, PROTOCOL } from "../src/gate/protocol.ts";
import { GATE_INVENTORY } from "../src/privacy/declared/gate.ts";
import { gateOf, manyInstances, ping, pingCall, signFor, takeCall } from "../src/testing/instance.ts";
import { type TestTenant, testTenant } from "../src/testing/world.ts";

function pingGate(
  tenant: TestTenant,
  instanceId: Id<"instance">,
  more: { issuedAtMs?: number; tenantId?: Id<"tenant"> } = {},
): Promise<PingAnswer> {
  return gateOf(tenant).ping(pingCall(tenant, instanceId, more));
}

let nextMessage = 1_000;
async function deliver(tenant: TestTenant, message: GateMessage, id = nextMessage++): Promise<number[]> {
  return await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages: [{ id, message }] });
}

const tables = (tenant: TestTenant) =>
  runInDurableObject(gateOf(tenant), (_, { storage }) =>
    Object.fromEntries(
      ["journal", "seen", "spent"].map((table) => [
        table,
        storage.sql.exec<{ n: number }>(`select count(*) as n from ${table}`).one().n,
      ]),
    ),
  );

test("a removed instance is refused at once, and told that it was deleted; the others are not", async () => {
  const tenant = await testTenant();
  const [removed, kept] = (await manyInstances(tenant, 2)) as [Id<"instance">, Id<"instance">];
  expect((await pingGate(tenant, removed)).outcome).toBe("recorded");
  await deliver(tenant, { kind: "instance-removed", instanceId: removed, clientId: "ebbc_x", removedAtMs: Date.now() });
  expect(await pingGate(tenant, removed)).toEqual({ outcome: "refused", reason: "instance-deleted" });
  await evictDurableObject(gateOf(tenant));
  const response = await ping(await signFor(tenant, removed));
  expect([response.status, await response.json()]).toEqual([
    401,
    expect.objectContaining({ error: "instance-deleted" }),
  ]);
  expect((await pingGate(tenant, kept)).outcome).toBe("recorded");
});

test("a token that names another tenant than the gate's is refused", async () => {
  const tenant = await testTenant();
  const instance = newId("instance", Date.now());
  await deliver(tenant, { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team" });
  expect(await pingGate(tenant, instance, { tenantId: newId("tenant", Date.now()) })).toEqual({
    outcome: "refused",
    reason: "token-revoked",
  });
  expect((await pingGate(tenant, instance)).outcome).toBe("recorded");
});

test("a suspended tenant's pings get 200 and collect: false, and leave nothing", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  await deliver(tenant, { kind: "tenant", tenantId: tenant.id, status: "suspended", plan: "team" });
  const response = await ping(await signFor(tenant, instance));
  expect([response.status, await response.json()]).toEqual([200, { collect: false }]);
  expect(await tables(tenant)).toEqual({ journal: 0, seen: 0, spent: 0 });
  await deliver(tenant, { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team" });
  expect(await (await ping(await signFor(tenant, instance))).json()).toEqual({ collect: true });
});

test("messages out of order: the later one stays; a removed client never comes back", async () => {
  const tenant = await testTenant();
  const instance = newId("instance", Date.now());
  await deliver(tenant, { kind: "tenant", tenantId: tenant.id, status: "suspended", plan: "team" }, 20);
  await deliver(tenant, { kind: "tenant", tenantId: tenant.id, status: "active", plan: "team" }, 10);
  expect((await pingGate(tenant, instance)).outcome).toBe("ignored");
  const client = { kind: "client", clientId: "ebbc_y", instanceId: instance, secretHash: "AAAA", scope: "" } as const;
  await deliver(tenant, {
    kind: "instance-removed",
    instanceId: instance,
    clientId: "ebbc_y",
    removedAtMs: Date.now(),
  });
  await deliver(tenant, client);
  const call = {
    v: PROTOCOL,
    gateId: tenant.gateId,
    requestId: "req_x",
    clientId: "ebbc_y",
    secretHash: new Uint8Array(3),
  } as const;
  expect((await gateOf(tenant).authenticateClient(call)).outcome).toBe("revoked");
});

test("the 31st ping of an instance in an hour is refused with 429, honest headers and no charge, through an eviction", async () => {
  const tenant = await testTenant();
  const [instance, other] = (await manyInstances(tenant, 2)) as [Id<"instance">, Id<"instance">];
  const token = await signFor(tenant, instance);
  const statuses: number[] = [];
  let last: Response | undefined;
  for (let i = 0; i < 33; i++) {
    if (i === 15) await evictDurableObject(gateOf(tenant));
    last = await ping(token);
    statuses.push(last.status);
  }
  expect(statuses).toEqual([...Array(30).fill(200), 429, 429, 429]);
  expect(last?.headers.get("ratelimit-policy")).toBe('"alive-instance";q=30;w=3600, "alive-tenant";q=1000;w=60');
  expect(last?.headers.get("ratelimit")).toMatch(/^"alive-instance";r=0;t=3\d{3}, "alive-tenant";r=\d+;t=\d+$/);
  expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(HOUR_MS / 1000 - 120);
  expect(await last?.json()).toMatchObject({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    "violated-policies": ["alive-instance"],
  });
  expect((await ping(await signFor(tenant, other))).status).toBe(200);
});

test("a gate serves one tenant for ever, and leaves what it does not understand in the outbox", async () => {
  const [tenant, other] = [await testTenant(), await testTenant()];
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const news = (tenantId: Id<"tenant">) => ({ kind: "tenant", tenantId, status: "closed", plan: "free" }) as const;
  expect(await deliver(tenant, { ...news(tenant.id), status: "active" }, 7)).toEqual([7]);
  expect(await deliver(tenant, news(other.id), 8)).toEqual([]);
  expect(await deliver(tenant, { kind: "from-the-future" } as unknown as GateMessage, 9)).toEqual([]);
  expect(await deliver(tenant, null as unknown as GateMessage, 10)).toEqual([]);
  expect((await pingGate(tenant, instance)).outcome).toBe("recorded");
});

test("what limits counted is forgotten after its window, for large limits too", async () => {
  const tenant = await testTenant();
  const gate = gateOf(tenant);
  const call = (key: string) => gate.take(takeCall(tenant, { subjects: { key } }));
  for (let i = 0; i < 20; i++) await call(`key ${i}`);
  expect((await tables(tenant))["spent"]).toBe(20);
  await runInDurableObject(
    gate,
    (_, { storage }) => void storage.sql.exec("update spent set opened_at = 0, expires_at = expires_at - 7200000"),
  );
  await evictDurableObject(gate);
  await call("another");
  expect((await tables(tenant))["spent"]).toBe(1);
});

test("a quiet gate that is visited forgets the days on which its instances pinged", async () => {
  const tenant = await testTenant();
  await pingGate(tenant, newId("instance", Date.now()));
  await gateOf(tenant).flush();
  expect(await tables(tenant)).toEqual({ journal: 0, seen: 1, spent: 1 });
  await runInDurableObject(gateOf(tenant), (_, { storage }) => {
    storage.sql.exec("update seen set bucket = bucket - 86400000, spent_at = spent_at - 86400000");
    storage.sql.exec("update spent set expires_at = expires_at - 86400000");
  });
  await evictDurableObject(gateOf(tenant));
  await gateOf(tenant).flush();
  expect(await tables(tenant)).toEqual({ journal: 0, seen: 0, spent: 0 });
});

test("a gate whose journal holds rows but whose alarm is gone sets one when it wakes", async () => {
  const tenant = await testTenant();
  await pingGate(tenant, newId("instance", Date.now()));
  await runInDurableObject(gateOf(tenant), (_, { storage }) => storage.deleteAlarm());
  await evictDurableObject(gateOf(tenant));
  expect(await runInDurableObject(gateOf(tenant), (_, { storage }) => storage.getAlarm())).not.toBeNull();
});

/** Every table and column of a gate's SQLite, and every key beside it. */
const storedBy = async (tenant: TestTenant) =>
  await runInDurableObject(gateOf(tenant), async (_, { storage }) => [
    ...storage.sql
      .exec<{ name: string; column: string }>(`
        select t.name, c.name as column from sqlite_master t join pragma_table_info(t.name) c
         where t.type = 'table' and t.name not glob '_cf_*' and t.name not glob 'sqlite_*'`)
      .toArray()
      .map((row) => `${row.name}.${row.column}`),
    ...[...(await storage.list()).keys()].map((key) => `key ${key}`),
  ]);
const DECLARED_BY_GATE = Object.entries(GATE_INVENTORY).flatMap(([table, { columns }]) =>
  Object.keys(columns).map((column) => `${table}.${column}`),
);

test("a gate stores what the inventory declares: the same tables and columns, both ways, and no key beside them", async () => {
  const tenant = await testTenant();
  await pingGate(tenant, newId("instance", Date.now()));
  expect((await storedBy(tenant)).toSorted()).toEqual(DECLARED_BY_GATE.toSorted());
});

test.each([
  ["a table", (storage: DurableObjectStorage) => void storage.sql.exec("create table loose (who text)"), "loose.who"],
  [
    "a column",
    (storage: DurableObjectStorage) => void storage.sql.exec("alter table journal add column who text"),
    "journal.who",
  ],
  ["a key", (storage: DurableObjectStorage) => storage.put("someone", 1), "key someone"],
])("%s of a gate's storage that nobody declared is caught", async (_, add, found) => {
  const tenant = await testTenant();
  await pingGate(tenant, newId("instance", Date.now()));
  await runInDurableObject(gateOf(tenant), async (_gate, { storage }) => await add(storage));
  expect((await storedBy(tenant)).filter((stored) => !DECLARED_BY_GATE.includes(stored))).toEqual([found]);
});
