import { runDurableObjectAlarm } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { call, gateOf, ping, register, tokenOf } from "../src/testing/instance.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";

test("a tenant sees how its gate is, and that pings wait too long or were put aside", async () => {
  const tenant = await testTenant();
  const health = async () =>
    await (await call("/api/v1/health", { headers: { authorization: `Bearer ${tenant.apiKey}` } })).json();
  expect(await health()).toEqual({ object: "health", status: "ok", gate: "ok", telemetry: null });
  await ping(await tokenOf(await register(tenant)));
  await runDurableObjectAlarm(gateOf(tenant));
  const counts = { pending: 0, recorded: 1, repeated: 0, dead: 0 };
  expect(await health()).toMatchObject({ status: "ok", telemetry: counts });
  const set = (change: ReturnType<typeof sql>) =>
    ownerRows(sql`update gate_heartbeats set ${change} where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  await set(sql`pending = 5`);
  expect(await health()).toMatchObject({ status: "ok", telemetry: { pending: 5 } });
  await set(sql`heard_at = now() - interval '11 minutes'`);
  expect(await health()).toMatchObject({ status: "degraded", gate: "ok" });
  await set(sql`pending = 0`);
  expect(await health()).toMatchObject({ status: "ok" });
  await set(sql`dead = 1`);
  expect(await health()).toMatchObject({ status: "degraded", telemetry: { dead: 1 } });
});
