import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** The way of a ping past an unreachable gate: each outcome, and what is stored with it. */

let database: ScratchDatabase;
beforeAll(async () => {
  database = await scratchDatabase();
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

const today = () => new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000).toISOString();
const uuid = (tenant: TestTenant) => uuidFromId("tenant", tenant.id);
const change = (text: string, params: unknown[]) => database.as("owner").query(text, params);

interface Scene {
  tenant: TestTenant;
  instance: string;
}

/** A tenant with an instance whose client has a secret, made an hour ago. */
async function scene(parent: TestTenant | null = null): Promise<Scene> {
  const tenant = await database.tenant({ parent });
  const make = await rowMaker(database, uuid(tenant));
  const instance = crypto.randomUUID();
  await make.add("instances", null, { id: instance });
  const createdAt = new Date(Date.now() - 3_600_000).toISOString();
  await make.add("credentials", null, { instance_id: instance, kind: "client-secret", created_at: createdAt });
  return { tenant, instance };
}

async function ping(
  { tenant, instance }: Scene,
  { bucket = today(), issuedAt = new Date().toISOString(), bound = 100, as = tenant, kept = "30 days" } = {},
): Promise<unknown> {
  const [row] = await database
    .as("ingest")
    .query(
      `select ebb.straight_ping($1, $2, $3, 'alive', $4, 'linux', null, null, $4::timestamptz + $6::interval, $5) as outcome`,
      [uuid(as), instance, issuedAt, bucket, bound, kept],
    );
  return row?.["outcome"];
}
const stored = async ({ instance }: Scene) =>
  (await database.as("owner").query("select tenant_id from pings where instance_id = $1", [instance])).map(
    (row) => row["tenant_id"],
  );

it("records, and answers a repetition without a second row", async () => {
  const it = await scene();
  expect(await ping(it)).toBe("recorded");
  expect(await ping(it)).toBe("repeated");
  expect(await stored(it)).toEqual([uuid(it.tenant)]);
});

/** What is stored of an instance's pings, every column of it. */
const rowsOf = async ({ instance }: Scene) =>
  (
    await database
      .as("owner")
      .query("select to_jsonb(p) - '{tenant_id,instance_id}'::text[] as row from pings p where instance_id = $1", [
        instance,
      ])
  ).map(({ row }) => row);

it("stores the day and nothing finer, also for a Worker of the version before, which tells the moment", async () => {
  const [it, before] = [await scene(), await scene()];
  const day = today().slice(0, 10);
  await database.stopClock(`${day}T13:37:42.123456Z`);
  expect(await ping(it)).toBe("recorded");
  const asBefore = `select ebb.straight_ping($1, $2, $3, 'alive', $4, '${day}T13:37:42.123Z'::timestamptz, 'linux', null, null,
    $4::timestamptz + interval '30 days', 100) as outcome`;
  const tell = () =>
    database.as("ingest").query(asBefore, [uuid(before.tenant), before.instance, new Date().toISOString(), today()]);
  expect(await tell()).toEqual([{ outcome: "recorded" }]);
  expect(await tell()).toEqual([{ outcome: "repeated" }]);
  const expires = new Date(Date.parse(today()) + 30 * 86_400_000).toISOString().replace(".000Z", "+00:00");
  const row = { kind: "alive", bucket: `${day}T00:00:00+00:00`, os_kind: "linux", os_name: null, os_version: null };
  for (const told of [it, before]) expect(await rowsOf(told)).toEqual([{ ...row, expires_at: expires }]);
  const windows = "select to_jsonb(w) - 'expires_at' as row from straight_windows w where tenant_id = $1";
  expect(await database.as("owner").query(windows, [uuid(it.tenant)])).toEqual([
    { row: { tenant_id: uuid(it.tenant), minute: `${day}T13:37:00+00:00`, used: 1 } },
  ]);
});

it("a dead letter of the version before loses the moment of its ping, and nothing else", async () => {
  const tenant = await database.tenant();
  const make = await rowMaker(database, uuid(tenant));
  const letters = {
    [crypto.randomUUID()]: { instance_id: "ins_1", bucket: 86_400_000, received_at: 86_523_456, os_name: "a" },
    [crypto.randomUUID()]: { instance_id: "ins_1", bucket: 86_400_000, os_name: '"received_at":1,' },
    [crypto.randomUUID()]: { kind: "alive", received_at: 86_523_456 },
  };
  for (const [id, body] of Object.entries(letters)) {
    await make.add("dead_letters", new Date().toISOString(), { id, body: JSON.stringify(body) });
  }
  const forgets = /^update public\.dead_letters[^;]+/m.exec(readFileSync("drizzle/0024_instances.sql", "utf8"));
  await change(forgets?.[0] as string, []);
  const left = await database
    .as("owner")
    .query("select id, body from dead_letters where tenant_id = $1", [uuid(tenant)]);
  expect(Object.fromEntries(left.map(({ id, body }) => [id, body]))).toEqual(
    Object.fromEntries(
      Object.entries(letters).map(([id, { received_at: _, ...body }]: [string, Record<string, unknown>]) => [
        id,
        JSON.stringify(body),
      ]),
    ),
  );
});

describe("gone", () => {
  it("is an instance unknown, removed, or another tenant's; nothing is stored", async () => {
    const [it, other] = [await scene(), await scene()];
    expect(await ping({ ...it, instance: crypto.randomUUID() })).toBe("gone");
    expect(await ping(it, { as: other.tenant })).toBe("gone");
    expect(await stored(it)).toEqual([]);
    expect(await ping(it)).toBe("recorded");
    await change("update instances set removed_at = now() where id = $1", [it.instance]);
    expect(await ping(it)).toBe("gone");
  });
});

describe("suspended", () => {
  it("is its own tenant, or one above it; not one beside it", async () => {
    const top = await database.tenant({ kind: "platform" });
    const [own, beside] = [await scene(top), await scene(top)];
    await change("update tenants set status = 'suspended' where id = $1", [uuid(beside.tenant)]);
    expect([await ping(own), await ping(beside)]).toEqual(["recorded", "suspended"]);
    await change("update tenants set status = 'suspended' where id = $1", [uuid(top)]);
    const yesterday = new Date(Date.parse(today()) - 86_400_000).toISOString();
    expect(await ping(own, { bucket: yesterday })).toBe("suspended");
    expect(await stored(own)).toHaveLength(1);
    expect(await stored(beside)).toEqual([]);
  });
});

describe("revoked", () => {
  it("is a client whose every secret was revoked, or was made after the token", async () => {
    const it = await scene();
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    // Made an hour ago; five minutes of skew.
    expect(await ping(it, { issuedAt: minutesAgo(66) })).toBe("revoked");
    expect(await ping(it, { issuedAt: minutesAgo(64) })).toBe("recorded");
    await change("update credentials set revoked_at = now() where instance_id = $1", [it.instance]);
    expect(await ping(it)).toBe("revoked");
  });

  it("is not undone by an API key, nor by a secret that another tenant wrote for this instance", async () => {
    const [it, other] = [await scene(), await scene()];
    await change("update credentials set revoked_at = now() where instance_id = $1", [it.instance]);
    await (await rowMaker(database, uuid(it.tenant))).add("credentials", null, {
      instance_id: it.instance,
      kind: "api-key",
    });
    expect(await ping(it)).toBe("revoked");
    const foreign = (await rowMaker(database, uuid(other.tenant))).add("credentials", null, {
      instance_id: it.instance,
      kind: "client-secret",
    });
    expect(await refusal(foreign)).toBe("23503");
  });
});

describe("limited", () => {
  it("at the bound exactly, for this tenant and this minute alone", async () => {
    await database.stopClock(`${today().slice(0, 11)}10:00:59.999999Z`);
    const [it, other] = [await scene(), await scene()];
    const one = (whose: Scene) => ping(whose, { bound: 3 });
    expect([await one(it), await one(it), await one(it), await one(it)]).toEqual([
      "recorded",
      "repeated",
      "repeated",
      "limited",
    ]);
    expect(await one(other)).toBe("recorded");
    await database.stopClock(`${today().slice(0, 11)}10:01:00Z`);
    expect(await one(it)).toBe("repeated");
  });

  it("and not above it when many come at once", async () => {
    await database.stopClock(`${today().slice(0, 11)}11:00:00Z`);
    const it = await scene();
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => ping(it, { bound: 5 })));
    expect(outcomes.sort()).toEqual([...Array(7).fill("limited"), "recorded", ...Array(4).fill("repeated")]);
  });
});

describe("what the schedule does not allow", () => {
  it("is not stored on this way either: another expiry, or one that has passed", async () => {
    const it = await scene();
    expect(await refusal(ping(it, { kept: "29 days" }))).toBe("EB001");
    const thirtyDaysAgo = new Date(Date.parse(today()) - 30 * 86_400_000).toISOString();
    expect(await refusal(ping(it, { bucket: thirtyDaysAgo }))).toBe("EB001");
    expect(await stored(it)).toEqual([]);
    expect(await ping(it)).toBe("recorded");
  });
});
