import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HOUR_MS } from "../src/core/clock.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { decodeDecision } from "../src/gate/decision-text.ts";
import { PROTOCOL, type RecordCall } from "../src/gate/protocol.ts";
import type { AskedKind } from "../src/telemetry/bucket.ts";
import { flushesDuring, withFault, withoutPostgres } from "../src/testing/faults.ts";
import { gateOf, manyInstances, pingCall, tellGate } from "../src/testing/instance.ts";
import { ownerRows, type TestTenant, testTenant } from "../src/testing/world.ts";

/** What persons' tokens ask: recorded once an hour a person and instance, and flushed as pings are. */

const KINDS = ["session", "profile"] as const;
/** An hour that is to come: no alarm goes off by itself before a test has it go off. */
const START = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
afterEach(() => void vi.useRealTimers());

type Asked = [AskedKind, Id<"instance">, Id<"person">];

function recordCall(
  tenant: TestTenant,
  [kind, instanceId, personId]: Asked,
  more: Partial<RecordCall> = {},
): RecordCall {
  const nowMs = Date.now();
  return {
    v: PROTOCOL,
    gateId: tenant.gateId,
    requestId: newId("request", nowMs),
    tenantId: tenant.id,
    kind,
    instanceId,
    personId,
    tokenId: "token",
    familyId: newId("tokenFamily", nowMs),
    generation: 1,
    issuedAtMs: nowMs,
    ...more,
  };
}
const record = (tenant: TestTenant, asked: Asked, more: Partial<RecordCall> = {}) =>
  gateOf(tenant).record(recordCall(tenant, asked, more));
const person = () => newId("person", START);
const journal = (tenant: TestTenant) =>
  runInDurableObject(gateOf(tenant), (_, { storage }) =>
    storage.sql.exec("select * from journal order by seq").toArray(),
  );
const flush = (tenant: TestTenant) => runDurableObjectAlarm(gateOf(tenant));

/** What Postgres has, as `kind instance person hour`, the hour from the start of the test. */
async function stored(tenant: TestTenant): Promise<string[]> {
  const id = uuidFromId("tenant", tenant.id);
  const rows = await ownerRows<Record<string, string>>(sql`
    select 'session' as kind, instance_id, person_id, extract(epoch from bucket) * 1000 as at from user_sessions where tenant_id = ${id}
    union all
    select 'profile', instance_id, person_id, extract(epoch from bucket) * 1000 from profile_fetches where tenant_id = ${id}`);
  return rows
    .map(
      ({ kind, instance_id, person_id, at }) => `${kind} ${instance_id} ${person_id} ${(Number(at) - START) / HOUR_MS}`,
    )
    .sort();
}
const asStored = ([kind, instance, who]: Asked, hour: number) =>
  `${kind} ${uuidFromId("instance", instance)} ${uuidFromId("person", who)} ${hour}`;
const heartbeat = async (tenant: TestTenant) =>
  (
    await ownerRows(
      sql`select recorded::int, repeated::int, expired::int, gone::int, dead::int, pending from gate_heartbeats where gate_id = ${tenant.gateId}`,
    )
  )[0];
const letters = (tenant: TestTenant) =>
  ownerRows<{ reason: string; body: string }>(
    sql`select reason, body from dead_letters where gate_id = ${tenant.gateId}`,
  );

test("once an hour a person, instance and kind, however often and through whatever happens meanwhile", async () => {
  const tenant = await testTenant();
  const [one, two] = (await manyInstances(tenant, 2)) as [Id<"instance">, Id<"instance">];
  const [ada, bob] = [person(), person()];
  const all: Asked[] = KINDS.flatMap((kind): Asked[] => [
    [kind, one, ada],
    [kind, one, bob],
    [kind, two, ada],
  ]);
  const round = async () => await Promise.all(all.map(async (asked) => (await record(tenant, asked)).outcome));
  const [fresh, again] = [Array(6).fill("recorded"), Array(6).fill("repeated")];
  expect(await round()).toEqual(fresh);
  vi.setSystemTime(START + HOUR_MS - 1);
  expect(await round()).toEqual(again);
  await evictDurableObject(gateOf(tenant));
  expect(await round()).toEqual(again);
  await flush(tenant);
  expect(await round()).toEqual(again);
  await evictDurableObject(gateOf(tenant));
  expect(await round()).toEqual(again);
  expect(await journal(tenant)).toEqual([]);
  vi.setSystemTime(START + HOUR_MS);
  expect(await round()).toEqual(fresh);
  await flush(tenant);
  expect(await stored(tenant)).toEqual([0, 1].flatMap((hour) => all.map((asked) => asStored(asked, hour))).sort());
  const [kept] = await ownerRows(sql`select distinct expires_at = bucket + interval '12 months' as kept
    from user_sessions where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  expect(kept).toEqual({ kept: true });
});

test("what is journaled is the hour, the kind, the instance and the person: no moment, no token", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  vi.setSystemTime(START + 1_234_567);
  const who = person();
  await record(tenant, ["profile", instance, who], { tokenId: "secret-jti" });
  const rows = await journal(tenant);
  expect(rows).toEqual([
    {
      seq: 1,
      instance_id: instance,
      person_id: who,
      kind: "profile",
      bucket: START,
      expires_at: new Date(START).setUTCFullYear(new Date(START).getUTCFullYear() + 1),
      os_kind: null,
      os_name: null,
      os_version: null,
      spent_at: null,
    },
  ]);
});

test("an hour that has ended is forgotten by the gate; the day of a ping is not", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  // Noon: no day ends within the hour.
  vi.setSystemTime(Math.floor(START / (24 * HOUR_MS)) * 24 * HOUR_MS + 12 * HOUR_MS);
  const at = Date.now();
  await record(tenant, ["session", instance, person()]);
  await gateOf(tenant).ping(pingCall(tenant, instance));
  await gateOf(tenant).flush();
  const seen = () =>
    runInDurableObject(gateOf(tenant), (_, { storage }) =>
      storage.sql.exec("select kind from seen order by 1").toArray(),
    );
  expect(await seen()).toEqual([{ kind: "alive" }, { kind: "session" }]);
  vi.setSystemTime(at + HOUR_MS);
  await gateOf(tenant).flush();
  expect(await seen()).toEqual([{ kind: "alive" }]);
});

test("pings, sessions and profiles share one statement, and one heartbeat counts them all", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 300);
  const who = person();
  const [gone] = [newId("instance", START)];
  await tellGate(tenant, { plan: "enterprise" });
  for (const instance of [...instances, gone]) {
    await gateOf(tenant).ping(pingCall(tenant, instance));
    for (const kind of KINDS) await record(tenant, [kind, instance, who]);
  }
  expect(await flushesDuring(tenant.gateId, () => flush(tenant))).toBe(1);
  expect(await stored(tenant)).toHaveLength(600);
  const pings = await ownerRows(sql`select from pings where tenant_id = ${uuidFromId("tenant", tenant.id)}`);
  expect(pings).toHaveLength(300);
  expect(await heartbeat(tenant)).toEqual({ recorded: 900, repeated: 0, expired: 0, gone: 3, dead: 0, pending: 0 });
});

test("a removed instance's rows are left out, and so are another tenant's", async () => {
  const [tenant, beside] = [await testTenant(), await testTenant()];
  const [live, removed] = (await manyInstances(tenant, 2)) as [Id<"instance">, Id<"instance">];
  const [theirs] = (await manyInstances(beside, 1)) as [Id<"instance">];
  const who = person();
  for (const instance of [live, removed, theirs]) await record(tenant, ["session", instance, who]);
  await ownerRows(sql`update instances set removed_at = now() where id = ${uuidFromId("instance", removed)}`);
  await flush(tenant);
  expect(await stored(tenant)).toEqual([asStored(["session", live, who], 0)]);
  expect(await heartbeat(tenant)).toMatchObject({ recorded: 1, gone: 2 });
});

test("rows that Postgres can never take are dead letters, and hold up no other", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const people = Array.from({ length: 20 }, person);
  for (const who of people) await record(tenant, ["session", instance, who]);
  await runInDurableObject(gateOf(tenant), (_, { storage }) => {
    storage.sql.exec("update journal set person_id = 'nobody' where seq = 3");
    storage.sql.exec("update journal set person_id = null where seq = 11");
  });
  await flush(tenant);
  const good = people.filter((_, index) => index !== 2 && index !== 10);
  expect(await stored(tenant)).toEqual(good.map((who) => asStored(["session", instance, who], 0)).sort());
  expect((await letters(tenant)).map(({ reason }) => reason).sort()).toEqual(["22P02", "23502"]);
  expect(await heartbeat(tenant)).toMatchObject({ recorded: 18, dead: 2, pending: 0 });
});

test("rows journaled under another schedule get the one of now", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const who = person();
  for (const kind of KINDS) await record(tenant, [kind, instance, who]);
  await gateOf(tenant).ping(pingCall(tenant, instance));
  await runInDurableObject(gateOf(tenant), (_, { storage }) => {
    storage.sql.exec("update journal set expires_at = expires_at + 86400000");
  });
  await flush(tenant);
  expect(await stored(tenant)).toHaveLength(2);
  expect(await letters(tenant)).toEqual([]);
});

test("with Postgres down everything is answered and journaled; then all of it arrives, once", async () => {
  const tenant = await testTenant();
  const instances = await manyInstances(tenant, 50);
  const who = person();
  await tellGate(tenant, {});
  await withoutPostgres(async () => {
    for (const instance of instances) {
      for (const kind of KINDS) expect((await record(tenant, [kind, instance, who])).outcome).toBe("recorded");
    }
    await flush(tenant);
  });
  expect(await journal(tenant)).toHaveLength(100);
  await withFault({ kind: "drop-after-commit", times: 1, param: tenant.gateId }, () => flush(tenant));
  expect(await journal(tenant)).toHaveLength(100);
  await flush(tenant);
  expect(await journal(tenant)).toEqual([]);
  expect(await stored(tenant)).toHaveLength(100);
  expect(await heartbeat(tenant)).toMatchObject({ recorded: 100, repeated: 100, pending: 0 });
});

test("fetching is limited by the instance, whoever is signed in, and a refusal is not recorded", async () => {
  const tenant = await testTenant();
  const [instance, other] = (await manyInstances(tenant, 2)) as [Id<"instance">, Id<"instance">];
  await tellGate(tenant, { overrides: { "session-instance": 3 } });
  const outcomes: string[] = [];
  for (let i = 0; i < 5; i++) outcomes.push((await record(tenant, ["session", instance, person()])).outcome);
  expect(outcomes).toEqual(["recorded", "recorded", "recorded", "limited", "limited"]);
  expect(await journal(tenant)).toHaveLength(3);
  const answer = await record(tenant, ["profile", instance, person()]);
  expect(answer.outcome === "recorded" && decodeDecision(answer.decision).states.map(({ name }) => name)).toEqual([
    "profile-instance",
    "profile-tenant",
  ]);
  expect((await record(tenant, ["session", other, person()])).outcome).toBe("recorded");
});

test("another tenant's token is refused here, and makes the gate no other's", async () => {
  const [tenant, other] = [await testTenant(), await testTenant()];
  const instance = newId("instance", START);
  expect((await record(tenant, ["session", instance, person()])).outcome).toBe("recorded");
  expect(await record(tenant, ["session", instance, person()], { tenantId: other.id })).toEqual({
    outcome: "refused",
    reason: "token-revoked",
  });
});

/** One step of a gate's life. */
type Step =
  | { do: "record"; kind: AskedKind; instance: 0 | 1; who: 0 | 1 | 2 }
  | { do: "evict" | "flush" | "lose" | "fail" | "visit" }
  | { do: "wait"; minutes: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("record" as const),
      kind: fc.constantFrom(...KINDS),
      instance: fc.constantFrom(0 as const, 1 as const),
      who: fc.constantFrom(0 as const, 1 as const, 2 as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("evict", "flush", "lose", "fail", "visit") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 90 }) }) },
);

test("whatever happens in whatever order: exactly one row an hour, person, instance and kind", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      vi.setSystemTime(START);
      const tenant = await testTenant();
      const instances = await manyInstances(tenant, 2);
      const people = [person(), person(), person()];
      const expected = new Set<string>();
      for (const taken of steps) {
        switch (taken.do) {
          case "record": {
            const { kind, instance, who } = taken;
            const asked: Asked = [kind, instances[instance] as Id<"instance">, people[who] as Id<"person">];
            const key = asStored(asked, Math.floor((Date.now() - START) / HOUR_MS));
            const { outcome } = await record(tenant, asked);
            expect(outcome).toBe(expected.has(key) ? "repeated" : "recorded");
            expected.add(key);
            break;
          }
          case "evict":
            // Only what is awake can be.
            await gateOf(tenant).status();
            await evictDurableObject(gateOf(tenant));
            break;
          case "flush":
            await flush(tenant);
            break;
          case "lose":
            await withFault({ kind: "drop-after-commit", times: 1, param: tenant.gateId }, () => flush(tenant));
            break;
          case "fail":
            await withFault({ kind: "error-mid", times: 1, param: tenant.gateId }, () => flush(tenant));
            break;
          case "visit":
            await gateOf(tenant).flush();
            break;
          case "wait":
            vi.setSystemTime(Date.now() + taken.minutes * 60_000);
        }
      }
      await gateOf(tenant).flush();
      expect(await stored(tenant)).toEqual([...expected].sort());
      expect(await journal(tenant)).toEqual([]);
    }),
    { numRuns: 25 },
  );
});
