import { createScheduledController, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Id } from "../src/core/id.ts";
import { uuidFromId } from "../src/core/id.ts";
import { gateOf, manyInstances, pingCall } from "../src/testing/instance.ts";
import { ownerRows, testTenant } from "../src/testing/world.ts";
import wranglerToml from "../wrangler.toml?raw";
import worker from "./index.ts";
import { createDeps } from "./runtime.ts";
import { runScheduled, SCHEDULE } from "./schedule.ts";

const scheduled = (cron: string) => worker.scheduled(createScheduledController({ cron }), env);

test("every cron line of wrangler.toml has one job, and every job a line", () => {
  const [, lines = ""] = /^crons = \[(.*)\]$/m.exec(wranglerToml) ?? [];
  expect(
    lines
      .match(/"[^"]+"/g)
      ?.map((line) => JSON.parse(line))
      .toSorted(),
  ).toEqual(Object.keys(SCHEDULE).toSorted());
});

test.each(["* * * * *", "", "constructor", "7 * * * * "])("an unknown cron line throws: %j", async (cron) => {
  await expect(runScheduled(cron, await createDeps(env))).rejects.toThrow("no job for the cron line");
});

/** A purge is some 200 statements, one after the other. */
const PURGES = { timeout: 20_000 };

test("each job runs through the Worker's own handler", PURGES, async () => {
  // Files share a database, and nothing takes mail here: what others have left is not to be sent.
  await ownerRows(sql`update mail_outbox set sent_at = now() where sent_at is null`);
  for (const cron of Object.keys(SCHEDULE)) await scheduled(cron);
});

test("a purge in which a table failed ends as an error, after all that it could do", PURGES, async () => {
  const tenantId = uuidFromId("tenant", (await testTenant()).id);
  const gateId = `gone-${tenantId}`;
  await ownerRows(sql`
    insert into dead_letters (id, tenant_id, gate_id, reason, body, recorded_at)
    values (gen_random_uuid(), ${tenantId}, ${gateId}, 'x', '', '2020-01-01')`);
  const letters = () => ownerRows(sql`select from dead_letters where gate_id = ${gateId}`);
  // A table that failed is tried again after pauses, which nobody has to sit through here.
  const deps = { ...(await createDeps(env)), pause: async () => undefined };
  // The heartbeats come before the dead letters.
  await ownerRows(sql`revoke select on gate_heartbeats from ebb_purge`);
  try {
    expect(await letters()).toHaveLength(1);
    await expect(runScheduled("7 * * * *", deps)).rejects.toThrow(/^purge: could not purge gate_heartbeats$/);
    expect(await letters()).toEqual([]);
  } finally {
    await ownerRows(sql`grant select (gate_id, expires_at, tenant_id) on gate_heartbeats to ebb_purge`);
  }
  await scheduled("7 * * * *");
});

test("a visit to silent gates of which none could be reached ends as an error; one that could is enough", async () => {
  const lost = await testTenant();
  const silent = (gateId: string) =>
    ownerRows(sql`
      insert into gate_heartbeats (gate_id, tenant_id, heard_at, pending, recorded, repeated, expired, gone, dead)
      values (${gateId}, ${uuidFromId("tenant", lost.id)}, now() - interval '11 minutes', 1, 0, 0, 0, 0, 0)`);
  await silent("no-gate-at-all");
  try {
    await expect(scheduled("*/5 * * * *")).rejects.toThrow("flush-stragglers: none of 1 silent gates could be flushed");
    await silent(lost.gateId);
    await scheduled("*/5 * * * *");
  } finally {
    await ownerRows(sql`delete from gate_heartbeats where tenant_id = ${uuidFromId("tenant", lost.id)}`);
  }
});

test("a gate that fell silent with work left is visited, and what is left in the outbox is delivered", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  await gateOf(tenant).ping(pingCall(tenant, instance));
  await runInDurableObject(gateOf(tenant), (_, { storage }) => storage.deleteAlarm());
  await ownerRows(sql`
    insert into gate_heartbeats (gate_id, tenant_id, heard_at, pending, recorded, repeated, expired, gone, dead)
    values (${tenant.gateId}, ${uuidFromId("tenant", tenant.id)}, now() - interval '11 minutes', 1, 0, 0, 0, 0, 0)`);
  await scheduled("*/5 * * * *");
  expect(await ownerRows(sql`select from pings where tenant_id = ${uuidFromId("tenant", tenant.id)}`)).toHaveLength(1);
  expect(await ownerRows(sql`select pending from gate_heartbeats where gate_id = ${tenant.gateId}`)).toEqual([
    { pending: 0 },
  ]);
  expect(await ownerRows(sql`select from outbox where gate_id = ${tenant.gateId} and delivered_at is null`)).toEqual(
    [],
  );
  await evictDurableObject(gateOf(tenant));
});
