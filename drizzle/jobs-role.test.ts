import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { foreignCalls } from "../src/testing/foreign-calls.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** `ebb_jobs`: makes partitions and delivers the outbox, through functions alone. */

const DENIED = "42501";
let database: ScratchDatabase;
let tenant: TestTenant;
const jobs = () => database.as("jobs");
const owner = () => database.as("owner");

beforeAll(async () => {
  database = await scratchDatabase();
  tenant = await database.tenant();
  const make = await rowMaker(database, uuidFromId("tenant", tenant.id));
  for (const { table } of declaredTables()) if (table !== "tenants") await make.add(table, new Date().toISOString());
});
afterAll(() => database.drop());
afterEach(() => database.stopClock(null));

it("reads, changes and deletes nothing in any table", async () => {
  for (const { table } of declaredTables()) {
    for (const text of [
      `select from public.${table}`,
      `delete from public.${table}`,
      `truncate public.${table}`,
      `insert into public.${table} default values`,
    ]) {
      expect(await refusal(jobs().query(text)), text).toBe(DENIED);
    }
    expect(await owner().query(`select from public.${table}`), table).not.toEqual([]);
  }
  for (const call of [
    "ebb.enter('\\x00')",
    "ebb.tenant()",
    "ebb.drop_expired_partition(gen_random_uuid(), 'public.pings')",
    "ebb.begin_purge(gen_random_uuid(), 'public.outbox')",
    "ebb.purge_batch(gen_random_uuid(), 'public.outbox', 'expired', null, null, 1)",
    "ebb.record_receipt(gen_random_uuid(), gen_random_uuid(), 'public.outbox', '{}', false)",
    "ebb.heartbeat('g', gen_random_uuid(), 0, 0, 0, 0, 0, 0)",
    ...(await foreignCalls(database, "ebb_jobs")),
  ]) {
    expect(await refusal(jobs().query(`select ${call}`)), call).toBe(DENIED);
  }
  expect(await refusal(jobs().query("select 1"))).toBeNull();
});

interface Partition extends Record<string, unknown> {
  name: string;
  lower: string;
  upper: string;
}
const partitionsOf = async (table: string) =>
  (await jobs().query(
    "select partition::text as name, lower_bound::text as lower, upper_bound::text as upper from ebb.partitions($1)",
    [table],
  )) as Partition[];
const create = async (table: string, unit: string, since: string, until: string) =>
  (
    await jobs().query("select name from ebb.create_partitions($1, $2, $3, $4) as name", [table, unit, since, until])
  ).map((row) => row["name"]);

describe("create_partitions", () => {
  it("makes what is missing, names it for its time, and makes nothing twice", async () => {
    expect(await create("public.pings", "day", "2040-02-27T13:00:00Z", "2040-03-01T00:00:00Z")).toEqual([
      "pings_2040_02_28",
      "pings_2040_02_29",
      "pings_2040_03_01",
    ]);
    expect(await create("public.pings", "day", "2040-02-28T00:00:00Z", "2040-03-02T23:59:59Z")).toEqual([
      "pings_2040_03_02",
      "pings_2040_03_03",
    ]);
    expect(await create("public.pings", "day", "2040-02-27T00:00:00.000001Z", "2040-03-02T00:00:00Z")).toEqual([]);
  });

  it("leaves no gap and no overlap, in whatever time zone the session is", async () => {
    await database.session("jobs", async (client) => {
      // Across the two nights on which this zone's day has 23 and 25 hours.
      await client.query("set timezone = 'America/New_York'");
      await client.query("set datestyle = 'German'");
      await client.query("select ebb.create_partitions('public.pings', 'day', '2041-03-05Z', '2041-11-10Z')");
      await client.query(
        "select ebb.create_partitions('public.audit_entries', 'quarter', '2060-02-01Z', '2062-02-01Z')",
      );
    });
    for (const [table, prefix, count, start] of [
      ["public.pings", "pings_2041", 251, / 00:00:00.000001\+00$/],
      ["public.audit_entries", "audit_entries_206", 9, /-01 00:00:00\+00$/],
    ] as const) {
      const made = (await partitionsOf(table)).filter(({ name }) => name.startsWith(prefix));
      expect(made).toHaveLength(count);
      for (const [i, { lower, upper }] of made.entries()) {
        expect(lower).toMatch(start);
        expect(made[i + 1]?.lower ?? upper).toBe(upper);
      }
    }
  });

  it("at once from several sides makes each one once, and nobody fails", async () => {
    const names = await Promise.all(
      Array.from({ length: 4 }, () => create("public.pings", "day", "2042-01-01T00:00:00Z", "2042-01-12T00:00:00Z")),
    );
    expect(names.flat().sort()).toEqual(
      Array.from({ length: 12 }, (_, i) => `pings_2042_01_${String(i + 1).padStart(2, "0")}`),
    );
  });

  it("makes no partition that anybody may touch, that is without policies in force, or that takes what has no place", async () => {
    await create("public.pings", "day", "2043-01-01T00:00:00Z", "2043-01-01T00:00:00Z");
    const [made] = await owner().query(
      "select relacl, relrowsecurity and relforcerowsecurity as forced, relowner::regrole::text as owner from pg_class where relname = 'pings_2043_01_01'",
    );
    expect(made).toEqual({ relacl: null, forced: true, owner: "ebb_maint" });
    expect(
      await owner().query("select from pg_class where relispartition and pg_get_expr(relpartbound, oid) = 'DEFAULT'"),
    ).toEqual([]);
    const nowhere =
      "insert into public.pings (tenant_id, instance_id, kind, bucket, expires_at) values ($1, $1, 'alive', '2044-01-01Z', '2044-01-31Z')";
    expect(await refusal(database.as("ingest").query(nowhere, [crypto.randomUUID()]))).toBe("23514");
  });

  it("refuses a unit that it does not know, a plan without end and a table that is not maintenance's", async () => {
    const [since, until] = ["2045-01-01T00:00:00Z", "2045-01-02T00:00:00Z"];
    for (const unit of ["hour", "", "day; drop table people"])
      expect(await refusal(create("public.pings", unit, since, until)), unit).not.toBeNull();
    expect(await refusal(create("public.pings", "day", since, "2060-01-01T00:00:00Z"))).toBe("EB500");
    for (const table of ["public.people", "pg_catalog.pg_class"])
      expect(await refusal(create(table, "day", since, until)), table).toBe("EB500");
    expect(await refusal(create("public.pings", "day", since, since))).toBeNull();
  });
});

describe("the outbox", () => {
  const pending = async (gate: string | null, after = 0, atMost = 100) =>
    (await jobs().query("select id from ebb.outbox_pending($1, $2, $3)", [gate, after, atMost])).map((row) =>
      Number(row["id"]),
    );
  const gates = async (except: string[] = []) =>
    (await jobs().query("select gate from ebb.outbox_gates($1, 100) as gate", [except])).map((row) => row["gate"]);
  const post = async (of: TestTenant, recordedAt = "now()") =>
    Number(
      (
        await owner().query(
          `insert into outbox (tenant_id, gate_id, message, recorded_at) values ($1, $2, '{}', ${recordedAt}) returning id`,
          [uuidFromId("tenant", of.id), of.gateId],
        )
      )[0]?.["id"],
    );

  it("gives what was not delivered of one gate, the oldest first, and names the gates that wait", async () => {
    const [a, b] = [await database.tenant(), await database.tenant()];
    const before = (await pending(a.gateId)).length;
    const [a1, b1, a2] = [await post(a), await post(b), await post(a)];
    expect((await pending(a.gateId)).slice(before)).toEqual([a1, a2]);
    expect(await pending(a.gateId, a1)).toEqual([a2]);
    expect(await pending(a.gateId, a1 - 1, 1)).toEqual([a1]);
    expect(await gates()).toEqual(expect.arrayContaining([a.gateId, b.gateId]));
    expect(await gates([a.gateId])).not.toContain(a.gateId);
    await jobs().query("select ebb.outbox_delivered($1)", [await pending(a.gateId)]);
    expect(await pending(a.gateId)).toEqual([]);
    expect(await gates()).not.toContain(a.gateId);
    expect(await pending(b.gateId)).toContain(b1);
  });

  it("marks only what it is told, and keeps the moment of the first delivery", async () => {
    const [one, two] = [await post(tenant), await post(tenant)];
    await database.stopClock("2035-01-01T00:00:00Z");
    await jobs().query("select ebb.outbox_delivered($1)", [[one]]);
    await database.stopClock("2035-01-02T00:00:00Z");
    await jobs().query("select ebb.outbox_delivered($1)", [[one, 9_000_000]]);
    const rows = await owner().query(
      "select delivered_at = '2035-01-01Z' as first from outbox where id = any ($1) order by id",
      [[one, two]],
    );
    expect(rows).toEqual([{ first: true }, { first: null }]);
  });

  it("keeps what was not delivered, however old it is", async () => {
    const old = await post(tenant, "now() - interval '400 days'");
    expect(await pending(tenant.gateId)).toContain(old);
  });
});

describe("silent gates", () => {
  it("are those that held something and have not spoken for as long as asked", async () => {
    const speak = (gate: string, pending: number) =>
      database
        .as("ingest")
        .query("select ebb.heartbeat($1, $2, $3, 0, 0, 0, 0, 0)", [gate, uuidFromId("tenant", tenant.id), pending]);
    const at = Date.UTC(2036, 0, 1);
    const silent = async () =>
      (
        await jobs().query("select gate from ebb.silent_gates('10 minutes', 10) as gate where gate like 'speaks-%'")
      ).map((row) => row["gate"]);
    await database.stopClock(at);
    await speak("speaks-idle", 0);
    await speak("speaks-first", 3);
    await database.stopClock(at + 1);
    await speak("speaks-later", 1);
    await database.stopClock(at + 600_000);
    expect(await silent()).toEqual([]);
    await database.stopClock(at + 600_002);
    expect(await silent()).toEqual(["speaks-first", "speaks-later"]);
    await speak("speaks-first", 0);
    expect(await silent()).toEqual(["speaks-later"]);
  });

  it("are, once a day and each in its own five minutes, those that have not spoken for a day", async () => {
    const at = Date.UTC(2037, 0, 1);
    await database.stopClock(at);
    await database
      .as("ingest")
      .query("select ebb.heartbeat('quiet', $1, 0, 0, 0, 0, 0, 0)", [uuidFromId("tenant", tenant.id)]);
    const visits = async (day: number) => {
      const rows = await jobs().query(
        "select count(*)::int as n from ebb.silent_gates('10 minutes', 100) as gate where gate = 'quiet'",
      );
      return [day, rows[0]?.["n"]];
    };
    const seen = [];
    for (let slot = 0; slot < 2 * 288; slot++) {
      await database.stopClock(at + slot * 300_000);
      const [day, n] = await visits(Math.floor(slot / 288));
      if (n === 1) seen.push(day);
    }
    expect(seen).toEqual([1]);
  });
});
