import { createScheduledController, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { newId, uuidFromId } from "../src/core/id.ts";
import { PROTOCOL } from "../src/gate/protocol.ts";
import { emptyGates } from "../src/jobs/empty-gates.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { gateOf, ping, register, tokenOf } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";
import worker from "./index.ts";
import { createDeps } from "./runtime.ts";

/** At a tenant's end its gate forgets too, and until it has, the tenant's own row stays to name it. */

const uuidOf = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);
const hourly = () => worker.scheduled(createScheduledController({ cron: "7 * * * *" }), env);

/** Everything in a gate but the version of its tables and the windows of the policies, which are of nobody. */
async function storedIn(tenant: TestTenant): Promise<Record<string, number>> {
  return await runInDurableObject(gateOf(tenant), async (_, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>("select name from sqlite_master where type = 'table' and name not glob '_cf_*'")
      .toArray();
    const count = (table: string) =>
      storage.sql
        .exec<{ n: number }>(
          `select count(*) as n from ${table} ${table === "meta" ? "where key not in ('schema', 'windows')" : ""}`,
        )
        .one().n;
    const alarm = (await storage.getAlarm()) === null ? 0 : 1;
    return { ...Object.fromEntries(tables.map(({ name }) => [name, count(name)])), alarm };
  });
}

const NOTHING = { meta: 0, client: 0, forward: 0, floor: 0, known_key: 0, seen: 0, journal: 0, spent: 0, alarm: 0 };
const emptiedAt = async (tenant: TestTenant) =>
  (await ownerRows(sql`select gate_emptied_at from tenants where id = ${uuidOf(tenant)}`))[0]?.["gate_emptied_at"];
const ends = (tenant: TestTenant, daysAgo: number) =>
  ownerRows(sql`update tenants set ended_at = now() - make_interval(days => ${daysAgo}) where id = ${uuidOf(tenant)}`);

async function pinging(): Promise<TestTenant> {
  const tenant = await testTenant();
  expect((await ping(await tokenOf(await register(tenant)))).status).toBe(200);
  return tenant;
}

test("the gate of a tenant whose time has come holds nothing any more; that of one whose time has not, everything", async () => {
  const [due, living] = [await pinging(), await pinging()];
  await ends(due, 91);
  await ends(living, 89);
  expect(await storedIn(due)).toMatchObject({ client: 1, journal: 1, alarm: 1 });
  await hourly();
  expect(await storedIn(due)).toEqual(NOTHING);
  expect(await emptiedAt(due)).not.toBeNull();
  expect(await storedIn(living)).toMatchObject({ client: 1 });
  expect(await emptiedAt(living)).toBeNull();
});

test("while its gate is not reached the tenant's row stays, whoever deletes; then it goes", async () => {
  const tenant = await testTenant();
  await ends(tenant, 91);
  for (const table of ["outbox", "credentials", "registration_keys", "subscriptions", "workspaces"])
    await ownerRows(sql.raw(`delete from ${table} where tenant_id = '${uuidOf(tenant)}'`));
  const remove = () => ownerRows(sql`delete from tenants where id = ${uuidOf(tenant)}`);
  const { deps } = await appWithFailingGates("overloaded", 1_000);
  expect(await emptyGates(deps)).toMatchObject({ emptied: 0, failed: expect.toSatisfy((n) => n > 0) });
  await expect(remove()).rejects.toMatchObject({ cause: { code: "23503" } });
  expect(await emptyGates(await createDeps(env))).toMatchObject({ failed: 0 });
  await remove();
  expect(await ownerRows(sql`select from tenants where id = ${uuidOf(tenant)}`)).toEqual([]);
});

test("a gate forgets for its own tenant alone, and a second time is as good as one", async () => {
  const tenant = await pinging();
  const erase = (tenantId: TestTenant["id"]) => gateOf(tenant).erase({ v: PROTOCOL, gateId: tenant.gateId, tenantId });
  expect(await erase(newId("tenant", Date.now()))).toBe(false);
  expect(await storedIn(tenant)).toMatchObject({ client: 1 });
  await erase(tenant.id);
  await erase(tenant.id);
  expect(await storedIn(tenant)).toEqual(NOTHING);
});
