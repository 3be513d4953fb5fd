import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Id } from "../src/core/id.ts";
import { uuidFromId } from "../src/core/id.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { manyInstances, register, signFor, tokenOf } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

async function registered(): Promise<{ tenant: TestTenant; token: string }> {
  const tenant = await testTenant();
  return { tenant, token: await tokenOf(await register(tenant)) };
}

const rowsOf = (tenant: TestTenant) =>
  ownerRows(sql`select from pings where tenant_id = ${uuidFromId("tenant", tenant.id)}`);

test("when the gate cannot be reached a ping goes straight to Postgres, once", async () => {
  const { tenant, token } = await registered();
  const { ping } = await appWithFailingGates("unknown");
  for (let i = 0; i < 2; i++) {
    const response = await ping(token);
    expect([response.status, await response.json()]).toEqual([200, { collect: true }]);
  }
  expect(await rowsOf(tenant)).toHaveLength(1);
});

test("a retryable failure is tried again on a fresh stub, and the ping takes the usual way", async () => {
  const { tenant, token } = await registered();
  const { ping, attempts } = await appWithFailingGates("retryable", 2);
  expect((await ping(token)).status).toBe(200);
  expect(attempts()).toBe(3);
  expect(await rowsOf(tenant)).toHaveLength(0);
});

test("an overloaded gate is not tried again and the ping does not go past it", async () => {
  const { tenant, token } = await registered();
  const { ping, attempts } = await appWithFailingGates("overloaded");
  const response = await ping(token);
  expect([response.status, attempts()]).toEqual([503, 1]);
  const wait = Number(response.headers.get("retry-after"));
  expect(wait).toBeGreaterThanOrEqual(5);
  expect(wait).toBeLessThan(30);
  expect(await rowsOf(tenant)).toHaveLength(0);
});

test("gate and Postgres both gone: 503 with Retry-After, never a false yes", async () => {
  const { token } = await registered();
  const { ping } = await appWithFailingGates("unknown");
  const response = await withoutPostgres(() => ping(token));
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(5);
});

test("the straight way refuses a removed instance, and keeps nothing of a suspended tenant", async () => {
  const { tenant, token } = await registered();
  const { ping } = await appWithFailingGates("unknown");
  await ownerRows(sql`update tenants set status = 'suspended' where id = ${uuidFromId("tenant", tenant.id)}`);
  expect(await (await ping(token)).json()).toEqual({ collect: false });
  await ownerRows(sql`update tenants set status = 'active' where id = ${uuidFromId("tenant", tenant.id)}`);
  await ownerRows(sql`update instances set removed_at = now() where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  const response = await ping(token);
  expect([response.status, await response.json()]).toEqual([
    401,
    expect.objectContaining({ error: "instance-deleted" }),
  ]);
  expect(await rowsOf(tenant)).toHaveLength(0);
});

test("an instance without a live secret cannot take the straight way", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const { ping } = await appWithFailingGates("unknown");
  const response = await ping(await signFor(tenant, instance));
  expect([response.status, await response.json()]).toEqual([401, expect.objectContaining({ error: "token-revoked" })]);
});

test("account routes are closed when the gate does not answer", async () => {
  const { tenant } = await registered();
  const closed = await (await appWithFailingGates("unknown")).account(tenant.apiKey);
  expect(closed.status).toBe(503);
  expect(Number(closed.headers.get("retry-after"))).toBeGreaterThanOrEqual(5);
  expect((await (await appWithFailingGates("retryable", 2)).account(tenant.apiKey)).status).toBe(200);
});
