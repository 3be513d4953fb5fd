import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { USER_TOKEN_LIFETIME_S } from "../src/access/access-token.ts";
import { DAY_MS, MINUTE_MS } from "../src/core/clock.ts";
import type { GateMessage, RevokedSubject } from "../src/core/gate-message.ts";
import { type Id, newId, uuidFromId } from "../src/core/id.ts";
import { type JudgeCall, PROTOCOL } from "../src/gate/protocol.ts";
import { gateOf, takeCall, tellGate } from "../src/testing/instance.ts";
import { type TestTenant, testTenant } from "../src/testing/world.ts";

/** Whether a token that is genuine is still accepted: by what it presents, when it was issued and its generation. */
const START = Date.now();
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
afterEach(() => void vi.useRealTimers());

const UNTIL = START + 7 * DAY_MS + 10 * MINUTE_MS;
const [ADA, BOB] = [newId("person", START), newId("person", START)];
let news = 1;
const deliver = async (tenant: TestTenant, message: unknown) => {
  const messages = [{ id: news++, message: message as GateMessage }];
  return (await gateOf(tenant).deliver({ v: PROTOCOL, gateId: tenant.gateId, messages })).length === 1;
};
const judge = async (tenant: TestTenant, more: Partial<JudgeCall> = {}) =>
  (
    await gateOf(tenant).judge({
      v: PROTOCOL,
      gateId: tenant.gateId,
      tenantId: tenant.id,
      presented: [],
      issuedAtMs: Date.now(),
      ...more,
    })
  ).reason;
const generationOf = (tenant: TestTenant, personId: Id<"person">, generation: number) =>
  judge(tenant, { generation: { personId, generation } });
const raise = (generation: number, personId: string = ADA, untilMs = UNTIL) => ({
  kind: "generation",
  personId,
  generation,
  untilMs,
});

test("a generation is only ever raised, is of one person alone, and outlives an eviction", async () => {
  const tenant = await testTenant();
  for (const generation of [5, 3]) expect(await deliver(tenant, raise(generation))).toBe(true);
  await evictDurableObject(gateOf(tenant));
  expect(await generationOf(tenant, ADA, 4)).toBe("token-outdated");
  expect(await generationOf(tenant, ADA, 5)).toBeNull();
  expect(await generationOf(tenant, ADA, 6)).toBeNull();
  expect(await generationOf(tenant, BOB, 1)).toBeNull();
  // A token that says nothing of it is judged by what else it presents.
  expect(await judge(tenant, { presented: [{ kind: "person", id: ADA }] })).toBeNull();
});

test("a generation is forgotten when no token of a lower one could be left; a later message keeps it longer", async () => {
  const tenant = await testTenant();
  await deliver(tenant, raise(5, ADA, START + DAY_MS));
  await deliver(tenant, raise(4, ADA, START + 2 * DAY_MS));
  vi.setSystemTime(START + DAY_MS);
  expect(await generationOf(tenant, ADA, 4)).toBe("token-outdated");
  vi.setSystemTime(START + 2 * DAY_MS);
  expect(await generationOf(tenant, ADA, 4)).toBeNull();
  await gateOf(tenant).flush();
  const floors = await runInDurableObject(gateOf(tenant), (_, { storage }) =>
    storage.sql.exec("select * from floor").toArray(),
  );
  expect(floors).toEqual([]);
});

test.each([
  [{}],
  [{ generation: "5" }],
  [{ generation: 1.5 }],
  [{ personId: null }],
  [{ untilMs: null }],
  [{ untilMs: Number.POSITIVE_INFINITY }],
])("a generation that is none, %j, is not taken", async (wrong) => {
  const tenant = await testTenant();
  const message = Object.keys(wrong).length === 0 ? { kind: "generation" } : { ...raise(5), ...wrong };
  expect(await deliver(tenant, message)).toBe(false);
  expect(await generationOf(tenant, ADA, 1)).toBeNull();
});

test("a sign-in's end refuses its tokens alone; a kind that nobody presents is not acknowledged", async () => {
  const tenant = await testTenant();
  const [ended, other] = [newId("tokenFamily", START), newId("tokenFamily", START)];
  const message = (subject: unknown) => ({
    kind: "revoked",
    subject,
    reason: "sign-in-ended",
    issuedBeforeMs: null,
    untilMs: UNTIL,
  });
  expect(await deliver(tenant, message({ kind: "session", id: ended }))).toBe(true);
  expect(await deliver(tenant, message({ kind: "generation", id: ADA }))).toBe(false);
  expect(await deliver(tenant, message({ kind: "family", id: other }))).toBe(false);
  const presents = (...presented: RevokedSubject[]) => judge(tenant, { presented, issuedAtMs: START + DAY_MS });
  expect(await presents({ kind: "instance", id: "ins_1" }, { kind: "session", id: ended })).toBe("sign-in-ended");
  expect(await presents({ kind: "session", id: other })).toBeNull();
  expect(await presents({ kind: "token", id: ended })).toBeNull();
  // And it is told before what a refresh would mend, which here would mend nothing.
  await deliver(tenant, raise(5));
  const generation = { personId: ADA, generation: 1 };
  expect(await judge(tenant, { presented: [{ kind: "session", id: ended }], generation })).toBe("sign-in-ended");
});

test("a person is the same one by either of their ids", async () => {
  const tenant = await testTenant();
  const uuid = uuidFromId("person", ADA);
  const revoked = { kind: "revoked", reason: "token-revoked", issuedBeforeMs: START, untilMs: UNTIL };
  await deliver(tenant, { ...revoked, subject: { kind: "person", id: ADA } });
  for (const id of [ADA, uuid]) {
    expect(await judge(tenant, { presented: [{ kind: "person", id }], issuedAtMs: START })).toBe("token-revoked");
  }
  expect(await judge(tenant, { presented: [{ kind: "person", id: BOB }], issuedAtMs: START })).toBeNull();
  await deliver(tenant, { ...revoked, subject: { kind: "person", id: uuidFromId("person", BOB) } });
  expect(await judge(tenant, { presented: [{ kind: "person", id: BOB }], issuedAtMs: START })).toBe("token-revoked");
});

test("a revoked client ends what was issued until the gate heard of it, of a removed one the reason stays", async () => {
  const tenant = await testTenant();
  const [instance, removed] = [newId("instance", START), newId("instance", START)];
  const presents = (id: string, issuedAtMs: number) =>
    judge(tenant, { presented: [{ kind: "instance", id }], issuedAtMs });
  const revoked = (instanceId: string) => ({
    kind: "client-revoked",
    clientId: `ebbc_${instanceId}`,
    instanceId,
    revokedAtMs: START - DAY_MS,
  });
  await deliver(tenant, revoked(instance));
  for (const issuedAtMs of [START - 7 * DAY_MS, START, START + 5 * MINUTE_MS]) {
    expect(await presents(instance, issuedAtMs)).toBe("token-revoked");
  }
  expect(await presents(instance, START + 5 * MINUTE_MS + 1)).toBeNull();
  await deliver(tenant, { ...revoked(removed), kind: "instance-removed", removedAtMs: START });
  await deliver(tenant, revoked(removed));
  expect(await presents(removed, START)).toBe("instance-deleted");
  await evictDurableObject(gateOf(tenant));
  expect(await presents(removed, START + DAY_MS)).toBe("instance-deleted");
});

test("a removed instance is refused for as long as any token of its people could live", async () => {
  const tenant = await testTenant();
  const instance = newId("instance", START);
  await deliver(tenant, { kind: "instance-removed", clientId: "ebbc_z", instanceId: instance, removedAtMs: START });
  const issuedAtMs = START;
  const presented: RevokedSubject[] = [{ kind: "instance", id: instance }];
  // The last moment at which a token of before is taken: its life, and the skew of two clocks.
  vi.setSystemTime(START + USER_TOKEN_LIFETIME_S * 1000 + 10 * MINUTE_MS - 1);
  await gateOf(tenant).flush();
  expect(await judge(tenant, { presented, issuedAtMs })).toBe("instance-deleted");
});

test("a suspended tenant's tokens are refused, after what is wrong with themselves; another tenant's always", async () => {
  const [tenant, other] = [await testTenant(), await testTenant()];
  await tellGate(tenant, { status: "suspended" });
  await deliver(tenant, raise(5));
  expect(await judge(tenant)).toBe("tenant-suspended");
  expect(await generationOf(tenant, ADA, 1)).toBe("token-outdated");
  await tellGate(tenant, { status: "active" });
  expect(await judge(tenant)).toBeNull();
  expect(await judge(tenant, { tenantId: other.id })).toBe("token-revoked");
});

test("judging takes nothing from any limit", async () => {
  const tenant = await testTenant();
  for (let i = 0; i < 50; i++) await judge(tenant);
  const rows = await runInDurableObject(gateOf(tenant), (_, { storage }) =>
    storage.sql.exec("select * from spent").toArray(),
  );
  expect(rows).toEqual([]);
});

test("a call that takes from limits is judged by what else it presents, beside its subjects", async () => {
  const tenant = await testTenant();
  const family = newId("tokenFamily", START);
  await deliver(tenant, {
    kind: "revoked",
    subject: { kind: "session", id: family },
    reason: "sign-in-ended",
    issuedBeforeMs: null,
    untilMs: UNTIL,
  });
  await deliver(tenant, raise(5));
  const take = (more: object) => gateOf(tenant).take(takeCall(tenant, more));
  const refused = (reason: string) => ({ outcome: "refused", reason });
  expect(await take({ presented: [{ kind: "session", id: family }] })).toEqual(refused("sign-in-ended"));
  expect(await take({ generation: { personId: ADA, generation: 4 } })).toEqual(refused("token-outdated"));
  expect((await take({ generation: { personId: ADA, generation: 5 } })).outcome).toBe("admitted");
  expect((await take({ presented: [{ kind: "session", id: newId("tokenFamily", START) }] })).outcome).toBe("admitted");
});
