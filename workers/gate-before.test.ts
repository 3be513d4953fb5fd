import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { hashSecret } from "../src/access/secret.ts";
import { DAY_MS } from "../src/core/clock.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { SCHEMA } from "../src/gate/sql.ts";
import { bucketStart } from "../src/telemetry/bucket.ts";
import { gateOf, manyInstances, pingCall } from "../src/testing/instance.ts";
import { clientCall } from "../src/testing/nursery.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** Gates of the versions before: what they had stored is there after they wake in this one. */

const journalOf = (tenant: TestTenant) =>
  runInDurableObject(gateOf(tenant), (_, { storage }) => storage.sql.exec("select * from journal").toArray());

/** Makes a gate's storage that of the first so many steps of the schema, with these rows. */
async function asBefore(tenant: TestTenant, steps: number, rows: readonly [string, ...unknown[]][]): Promise<void> {
  await runInDurableObject(gateOf(tenant), async (_, { storage }) => {
    await storage.deleteAll();
    for (const step of SCHEMA.slice(0, steps)) storage.sql.exec(step);
    const meta = { schema: steps, gate: tenant.gateId, tenant: tenant.id, plan: "team" };
    for (const [key, value] of Object.entries(meta)) storage.sql.exec("insert into meta values (?, ?)", key, value);
    for (const [text, ...values] of rows) storage.sql.exec(text, ...values);
  });
  await evictDurableObject(gateOf(tenant));
}

test("a gate of the version before keeps its clients, tombstones, days, journal and floors, and no moment of a ping", async () => {
  const tenant = await testTenant();
  const [pinged, waiting, removed] = (await manyInstances(tenant, 3)) as [
    Id<"instance">,
    Id<"instance">,
    Id<"instance">,
  ];
  const now = Date.now();
  const day = bucketStart("alive", now);
  const receivedAt = now - 7;
  const client = "insert into client values (?, ?, ?, ?, ?, ?)";
  const floor = "insert into floor values (?, ?, ?, ?)";
  const hash = (await hashSecret("secret")).slice().buffer;
  await asBefore(tenant, 3, [
    [client, "ebbc_live", pinged, hash, "profile:read", null, null],
    [client, "ebbc_removed", removed, new ArrayBuffer(0), "", now, now + DAY_MS],
    [client, "ebbc_forgotten", removed, new ArrayBuffer(0), "", 1, now - 1],
    [floor, `instance ${removed}`, Number.MAX_SAFE_INTEGER, "instance-deleted", now + DAY_MS],
    ["insert into seen values (?, 'alive', ?, ?)", pinged, day, now],
    [
      "insert into journal (instance_id, kind, bucket, received_at, expires_at, os_kind) values (?, 'alive', ?, ?, ?, 'linux')",
      ...[waiting, day, receivedAt, day + 30 * DAY_MS],
    ],
  ]);
  expect(await journalOf(tenant)).toEqual([
    {
      seq: 1,
      instance_id: waiting,
      person_id: null,
      kind: "alive",
      bucket: day,
      expires_at: day + 30 * DAY_MS,
      os_kind: "linux",
      os_name: null,
      os_version: null,
      spent_at: null,
    },
  ]);
  const ask = async (clientId: string, secret: string | null) =>
    await gateOf(tenant).authenticateClient(await clientCall({ gateId: tenant.gateId, clientId, secret }));
  expect(await ask("ebbc_live", "secret")).toMatchObject({
    outcome: "genuine",
    claimed: { instanceId: pinged, tenantId: tenant.id, gateId: tenant.gateId },
    client: { name: null, scope: "profile:read", redirectUris: [], authMethod: "client_secret_post" },
  });
  expect((await ask("ebbc_live", "wrong")).outcome).toBe("wrong-secret");
  expect((await ask("ebbc_live", null)).outcome).toBe("wrong-secret");
  expect((await ask("ebbc_removed", "secret")).outcome).toBe("revoked");
  expect((await ask("ebbc_forgotten", "secret")).outcome).toBe("unknown");
  const ping = async (instance: Id<"instance">) => (await gateOf(tenant).ping(pingCall(tenant, instance))).outcome;
  expect(await ping(pinged)).toBe("repeated");
  expect(await ping(waiting)).toBe("repeated");
  expect(await ping(removed)).toBe("refused");
  await gateOf(tenant).flush();
  const rows = await ownerRows(
    sql`select instance_id, os_kind from pings where tenant_id = ${uuidFromId("tenant", tenant.id)}`,
  );
  expect(rows).toEqual([{ instance_id: uuidFromId("instance", waiting), os_kind: "linux" }]);
});

test("a gate of any version before wakes with the tables of this one", async () => {
  const tablesOf = async (tenant: TestTenant) =>
    await runInDurableObject(gateOf(tenant), (_, { storage }) =>
      storage.sql
        .exec(`select t.name as t, c.name as c, c.type, c.pk from sqlite_master t join pragma_table_info(t.name) c
                where t.type = 'table' and t.name not glob '_cf_*' order by 1, 2`)
        .toArray(),
    );
  const fresh = await testTenant();
  await gateOf(fresh).status();
  const wanted = await tablesOf(fresh);
  for (const steps of [1, 2, 3]) {
    const tenant = await testTenant();
    await asBefore(tenant, steps, []);
    expect(await gateOf(tenant).status()).toBe("active");
    expect(await tablesOf(tenant), String(steps)).toEqual(wanted);
    // And once more: what is made is not made again.
    await evictDurableObject(gateOf(tenant));
    expect(await tablesOf(tenant)).toEqual(wanted);
  }
});

test("a call of the version before is served: a ping and a client's, without what is new in them", async () => {
  const tenant = await testTenant();
  const instance = newId("instance", Date.now());
  expect((await gateOf(tenant).ping(pingCall(tenant, instance, { v: 1 as never }))).outcome).toBe("recorded");
  const client = { gateId: tenant.gateId, clientId: "ebbc_nobody", secret: "x" };
  expect((await gateOf(tenant).authenticateClient(await clientCall(client, { v: 1 as never }))).outcome).toBe(
    "unknown",
  );
  expect(PROTOCOL).toBe(2);
});
