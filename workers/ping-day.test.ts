import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../src/core/clock.ts";
import { type Id, idFromUuid, uuidFromId } from "../src/core/id.ts";
import { appWithFailingGates } from "../src/testing/failing-gates.ts";
import { withoutPostgres } from "../src/testing/faults.ts";
import { call, gateOf, manyInstances, ping, pingCall, register, signFor, tokenOf } from "../src/testing/instance.ts";
import { storedInGate, storedInPostgres } from "../src/testing/stored.ts";
import { type TestTenant, testTenant } from "../src/testing/world.ts";

/** Of a ping the day is stored, and nothing finer: in Postgres, in the gate's journal, in dead letters, in answers. */

/** A day that is to come: no alarm goes off by itself before a test has it go off. */
const DAY = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: DAY }));
afterEach(() => void vi.useRealTimers());

/** A moment of that day that is no round one. */
const at = (hours: number, minutes: number, ms = 17_431) => DAY + hours * HOUR_MS + minutes * MINUTE_MS + ms;

const rowsOf = (tenant: TestTenant, table: "journal" | "seen") =>
  runInDurableObject(gateOf(tenant), (_, { storage }) => storage.sql.exec(`select * from ${table}`).toArray());

const written = async () => (await storedInPostgres()).map(({ text }) => text);

/** What a text tells of time that is no start of a UTC day: timestamps, and numbers that can only be ms since 1970. */
function finerThanDays(text: string): string[] {
  const stamps = [...text.matchAll(/\d{4}-\d\d-\d\d[T ](\d\d:\d\d:\d\d(?:\.\d+)?)/g)].filter(
    ([, time]) => !/^00:00:00(\.0+)?$/.test(time as string),
  );
  const numbers = [...text.matchAll(/(?<![\w-])\d{13}(?![\w-])/g)].filter(([ms]) => Number(ms) % DAY_MS !== 0);
  return [...stamps, ...numbers].map(([found]) => found as string);
}

/** As a moment may be written: a timestamp's minute, ms and s since 1970, the beginning of an id of version 7. */
const writingsOf = (ms: number) => [
  new Date(ms).toISOString().slice(0, 16),
  new Date(ms).toISOString().slice(0, 16).replace("T", " "),
  String(ms),
  String(Math.floor(ms / SECOND_MS)),
  ms
    .toString(16)
    .padStart(12, "0")
    .replace(/^(.{8})/, "$1-"),
];

test("after pings at odd moments no stored row holds anything finer than the day", async () => {
  const tenant = await testTenant();
  const [one, two, impossible] = (await manyInstances(tenant, 3)) as [Id<"instance">, Id<"instance">, Id<"instance">];
  const client = await register(tenant);
  const before = new Set(await written());

  const moments = [at(3, 17), at(3, 59), at(7, 41), at(9, 5), at(15, 11)] as const;
  const [first, again, second, broken, straight] = moments;
  vi.setSystemTime(first);
  const os = { kind: "linux", name: "Debian", version: "12" };
  expect((await ping(await signFor(tenant, one), { os })).status).toBe(200);
  vi.setSystemTime(again);
  expect((await ping(await signFor(tenant, one), { os })).status).toBe(200);
  vi.setSystemTime(second);
  expect((await gateOf(tenant).ping(pingCall(tenant, two))).outcome).toBe("recorded");
  vi.setSystemTime(broken);
  const nul = { ...os, name: "nul\u0000byte" };
  expect((await gateOf(tenant).ping(pingCall(tenant, impossible, { os: nul }))).outcome).toBe("recorded");

  const journal = await rowsOf(tenant, "journal");
  expect(journal.map(({ instance_id }) => instance_id)).toEqual([one, two, impossible]);
  for (const { spent_at: _, ...row } of journal) {
    expect(finerThanDays(JSON.stringify(row))).toEqual([]);
    expect(row).toMatchObject({ bucket: DAY, expires_at: DAY + 30 * DAY_MS });
  }

  vi.setSystemTime(at(13, 23));
  await gateOf(tenant).flush();
  vi.setSystemTime(straight);
  const token = await tokenOf(client);
  expect((await (await appWithFailingGates("unknown")).ping(token)).status).toBe(200);

  const rows = (await written()).filter((row) => !before.has(row));
  const pings = rows.filter((row) => row.startsWith("pings ") && row.includes(uuidFromId("tenant", tenant.id)));
  expect(pings).toHaveLength(3);
  const [straightPing] = pings.filter((row) => ![one, two].some((id) => row.includes(uuidFromId("instance", id))));
  const pinged = [one, two, impossible, idFromUuid("instance", JSON.parse(straightPing?.slice(6) ?? "").instance_id)];
  const named = rows.filter((row) => pinged.some((id) => row.includes(id) || row.includes(uuidFromId("instance", id))));
  const [letter] = named.filter((row) => row.startsWith("dead_letters "));
  expect(named).toHaveLength(4);
  for (const row of pings) expect(finerThanDays(row)).toEqual([]);
  expect(finerThanDays(JSON.parse((letter as string).slice("dead_letters ".length)).body)).toEqual([]);
  // Wherever else one might have put it.
  for (const trace of moments.flatMap(writingsOf)) expect(rows.filter((row) => row.includes(trace))).toEqual([]);
});

test("the moment that an instance's limit counts stays in the gate, until its window has passed", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const moment = at(5, 23);
  const pingAt = async (ms: number) => {
    vi.setSystemTime(ms);
    return (await gateOf(tenant).ping(pingCall(tenant, instance))).outcome;
  };
  const told = async () => (await storedInGate(gateOf(tenant))).filter(({ text }) => text.includes(String(moment)));
  expect(await pingAt(moment)).toBe("recorded");
  // The control: it is there, also once Postgres has the ping.
  expect(await told()).not.toEqual([]);
  await gateOf(tenant).flush();
  expect(await rowsOf(tenant, "seen")).toMatchObject([{ bucket: DAY, spent_at: moment }]);
  // To the ms: it is counted for an hour, and then gone when the gate wakes, be it for a repeated ping alone.
  vi.setSystemTime(moment + HOUR_MS);
  await gateOf(tenant).flush();
  expect(await rowsOf(tenant, "seen")).toMatchObject([{ bucket: DAY, spent_at: moment }]);
  expect(await pingAt(moment + HOUR_MS + MINUTE_MS)).toBe("repeated");
  expect(await rowsOf(tenant, "seen")).toMatchObject([{ bucket: DAY, spent_at: null }]);
  expect(await told()).toEqual([]);
  expect(await pingAt(DAY + DAY_MS)).toBe("recorded");
});

test("a ping that has to wait in the journal for hours loses its moment there too, and arrives", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  const moment = at(5, 23);
  vi.setSystemTime(moment);
  expect((await gateOf(tenant).ping(pingCall(tenant, instance))).outcome).toBe("recorded");
  vi.setSystemTime(moment + HOUR_MS + 1);
  await withoutPostgres(() => runDurableObjectAlarm(gateOf(tenant)));
  const [row] = await rowsOf(tenant, "journal");
  expect(row).toMatchObject({ instance_id: instance, bucket: DAY, spent_at: null });
  expect(finerThanDays(JSON.stringify(row))).toEqual([]);
  expect(await gateOf(tenant).flush()).toMatchObject({ recorded: 1, pending: 0 });
});

test("a ping is shown with its day, and no moment", async () => {
  const tenant = await testTenant();
  const [instance] = (await manyInstances(tenant, 1)) as [Id<"instance">];
  vi.setSystemTime(at(3, 17));
  const os = { kind: "linux", name: null, version: "12" };
  expect((await gateOf(tenant).ping(pingCall(tenant, instance, { os }))).outcome).toBe("recorded");
  await gateOf(tenant).flush();
  const response = await call(`/api/v1/instances/${instance}/pings`, {
    headers: { authorization: `Bearer ${tenant.apiKey}` },
  });
  const day = new Date(DAY).toISOString().slice(0, 10);
  const expires_at = (DAY + 30 * DAY_MS) / SECOND_MS;
  expect(await response.json()).toEqual({
    object: "list",
    data: [{ object: "ping", kind: "alive", day, expires_at, os }],
    next_cursor: null,
  });
});
