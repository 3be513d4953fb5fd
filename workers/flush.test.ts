import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { DAY_MS } from "../src/core/clock.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { bucketStart } from "../src/telemetry/bucket.ts";
import { flushesDuring, withFault, withoutPostgres } from "../src/testing/faults.ts";
import { gateOf, manyInstances, ping, pingCall, signFor } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

const OS = { kind: "linux", name: null, version: null };

/** Pings the gate for each instance, without the edge. */
async function pingAll(tenant: TestTenant, instances: Id<"instance">[]): Promise<string[]> {
  const gate = gateOf(tenant);
  const answers = await Promise.all(instances.map((instanceId) => gate.ping(pingCall(tenant, instanceId, { os: OS }))));
  return answers.map((answer) => answer.outcome);
}

async function stored(tenant: TestTenant): Promise<string[]> {
  const rows = await ownerRows<{ instance_id: string }>(
    sql`select instance_id from pings where tenant_id = ${uuidFromId("tenant", tenant.id)} order by instance_id`,
  );
  return rows.map((row) => row.instance_id);
}

const uuids = (ids: Id<"instance">[]) => ids.map((id) => uuidFromId("instance", id)).sort();
const journalSize = (tenant: TestTenant) =>
  runInDurableObject(
    gateOf(tenant),
    (_, state) => state.storage.sql.exec<{ n: number }>("select count(*) as n from journal").one().n,
  );
const heartbeat = async (tenant: TestTenant) =>
  (
    await ownerRows(
      sql`select recorded::int, repeated::int, expired::int, gone::int, dead::int, pending from gate_heartbeats where gate_id = ${tenant.gateId}`,
    )
  )[0];

test("a batch with one expired row, one of a removed instance and one impossible value: the others arrive", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 997);
  await pingAll(tenant, instances);
  const gone = newId("instance", Date.now());
  await pingAll(tenant, [gone]);
  await runInDurableObject(gateOf(tenant), (_, { storage }) => {
    const bucket = bucketStart("alive", Date.now());
    const insert = (instance: string, start: number, expires: number, os: string) =>
      storage.sql.exec(
        "insert into journal (instance_id, kind, bucket, expires_at, os_kind) values (?, 'alive', ?, ?, ?)",
        instance,
        start,
        expires,
        os,
      );
    insert(instances[0] as string, bucket - 40 * DAY_MS, bucket - 10 * DAY_MS, "old");
    insert(instances[1] as string, bucket - DAY_MS, bucket + 29 * DAY_MS, "nul\u0000byte");
  });
  expect(await journalSize(tenant)).toBe(1_000);

  expect(await runDurableObjectAlarm(gateOf(tenant))).toBe(true);

  expect(await stored(tenant)).toEqual(uuids(instances));
  expect(await journalSize(tenant)).toBe(0);
  const letters = await ownerRows<{ reason: string; body: string }>(
    sql`select reason, body from dead_letters where gate_id = ${tenant.gateId}`,
  );
  expect(letters.map(({ reason, body }) => [reason, JSON.parse(body).instance_id])).toEqual([["22021", instances[1]]]);
  expect(await heartbeat(tenant)).toMatchObject({ recorded: 997, repeated: 0, expired: 1, gone: 1, pending: 0 });
});

test("an instance of another tenant is none of this one's: its ping is not stored", async () => {
  const [tenant, beside] = [await testTenant(), await testTenant()];
  const [own] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const [theirs] = (await manyInstances(beside, 1)) as [Id<"instance">];
  await pingAll(tenant, [own, theirs]);
  await runDurableObjectAlarm(gateOf(tenant));
  expect(await stored(tenant)).toEqual(uuids([own]));
  expect(await heartbeat(tenant)).toMatchObject({ recorded: 1, gone: 1 });
});

test("rows journaled under another schedule get the one of now; none is lost", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 250);
  await pingAll(tenant, instances);
  await runInDurableObject(gateOf(tenant), (_, { storage }) => {
    storage.sql.exec("update journal set expires_at = expires_at + 86400000");
  });
  await runDurableObjectAlarm(gateOf(tenant));
  expect(await stored(tenant)).toEqual(uuids(instances));
  expect(await ownerRows(sql`select from dead_letters where gate_id = ${tenant.gateId}`)).toEqual([]);
});

test("a flood of impossible rows is buried a hundred a flush; what waits, waits in the journal", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 150);
  await pingAll(tenant, instances);
  await runInDurableObject(
    gateOf(tenant),
    (_, { storage }) => void storage.sql.exec("update journal set os_kind = char(0)"),
  );
  await runDurableObjectAlarm(gateOf(tenant));
  const letters = () => ownerRows(sql`select from dead_letters where gate_id = ${tenant.gateId}`);
  expect([(await letters()).length, await journalSize(tenant)]).toEqual([100, 50]);
  await runDurableObjectAlarm(gateOf(tenant));
  expect([(await letters()).length, await journalSize(tenant)]).toEqual([150, 0]);
  expect(await heartbeat(tenant)).toMatchObject({ dead: 150, recorded: 0, pending: 0 });
});

test("a full batch is one statement", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 1_000);
  await pingAll(tenant, instances);
  expect(await flushesDuring(tenant.gateId, () => runDurableObjectAlarm(gateOf(tenant)))).toBe(1);
  expect(await stored(tenant)).toEqual(uuids(instances));
});

test.each([
  { kind: "refuse", repeated: 0 },
  { kind: "error-mid", repeated: 0 },
  { kind: "drop-after-commit", repeated: 50 },
] as const)(
  "Postgres fails at a flush ($kind): nothing is lost, nothing is stored twice",
  async ({ kind, repeated }) => {
    const tenant = await testTenant();
    const instances = await manyInstances(tenant, 50);
    await pingAll(tenant, instances);
    await withFault({ kind, times: 1, param: tenant.gateId }, () => runDurableObjectAlarm(gateOf(tenant)));
    expect(await journalSize(tenant)).toBe(50);
    expect(await runDurableObjectAlarm(gateOf(tenant))).toBe(true);
    expect(await journalSize(tenant)).toBe(0);
    expect(await stored(tenant)).toEqual(uuids(instances));
    expect(await heartbeat(tenant)).toMatchObject({ repeated, pending: 0 });
  },
);

test("a gate that is evicted between write and flush flushes after it wakes", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 20);
  await pingAll(tenant, instances);
  await evictDurableObject(gateOf(tenant));
  expect(await runDurableObjectAlarm(gateOf(tenant))).toBe(true);
  expect(await stored(tenant)).toEqual(uuids(instances));
});

test("a repeat within the day leaves no second row anywhere, also after an eviction, a flush and another eviction", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 1);
  expect(await pingAll(tenant, instances)).toEqual(["recorded"]);
  expect(await pingAll(tenant, instances)).toEqual(["repeated"]);
  expect(await journalSize(tenant)).toBe(1);
  await evictDurableObject(gateOf(tenant));
  expect(await pingAll(tenant, instances)).toEqual(["repeated"]);
  expect(await journalSize(tenant)).toBe(1);
  await runDurableObjectAlarm(gateOf(tenant));
  await evictDurableObject(gateOf(tenant));
  expect(await pingAll(tenant, instances)).toEqual(["repeated"]);
  expect(await journalSize(tenant)).toBe(0);
  expect(await stored(tenant)).toEqual(uuids(instances));
});

test("without a partition for them rows wait in the journal; they are no dead letters", async () => {
  const tenant = await testTenant();
  const [instance] = await manyInstances(tenant, 1);
  await pingAll(tenant, [instance as Id<"instance">]);
  const moveTo = (bucket: number) =>
    runInDurableObject(gateOf(tenant), (_, { storage }) => {
      storage.sql.exec("update journal set bucket = ?, expires_at = ?", bucket, bucket + 30 * DAY_MS);
    });
  const today = bucketStart("alive", Date.now());
  await moveTo(today + 400 * DAY_MS);
  await runDurableObjectAlarm(gateOf(tenant));
  expect(await journalSize(tenant)).toBe(1);
  expect(await ownerRows(sql`select from dead_letters where gate_id = ${tenant.gateId}`)).toEqual([]);
  // Once there is a place for it, it arrives.
  await moveTo(today);
  await runDurableObjectAlarm(gateOf(tenant));
  expect(await stored(tenant)).toEqual([uuidFromId("instance", instance as Id<"instance">)]);
});

test("with Postgres stopped, 10,000 pings of distinct instances are acknowledged, and then exactly they arrive", {
  timeout: 120_000,
}, async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 10_000);
  const tokens = await Promise.all(instances.map((instance) => signFor(tenant, instance)));
  // The gate hears its tenant's plan with the first registration; here it is told directly.
  await gateOf(tenant).deliver({
    v: PROTOCOL,
    gateId: tenant.gateId,
    messages: [{ id: 1, message: { kind: "tenant", tenantId: tenant.id, status: "active", plan: "enterprise" } }],
  });
  const statuses = await withoutPostgres(async () => {
    const collected: number[] = [];
    for (let start = 0; start < tokens.length; start += 100) {
      const responses = await Promise.all(tokens.slice(start, start + 100).map((token) => ping(token)));
      for (const response of responses) {
        await response.body?.cancel();
        collected.push(response.status);
      }
    }
    return collected;
  });
  expect(statuses.filter((status) => status === 200)).toHaveLength(10_000);
  await runInDurableObject(gateOf(tenant), (gate) => gate.flush());
  expect(await journalSize(tenant)).toBe(0);
  expect(await stored(tenant)).toEqual(uuids(instances));
  expect(await heartbeat(tenant)).toMatchObject({ recorded: 10_000, repeated: 0, gone: 0, expired: 0, dead: 0 });
});

test("what comes in during a flush waits for the next one, and is not carried a few rows at a time", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 400);
  await pingAll(tenant, instances.slice(0, 200));
  const statements = await flushesDuring(tenant.gateId, async () => {
    const flushed = gateOf(tenant).flush();
    for (const instance of instances.slice(200)) await pingAll(tenant, [instance]);
    await flushed;
  });
  expect(statements).toBe(1);
  await gateOf(tenant).flush();
  expect(await stored(tenant)).toEqual(uuids(instances));
});
