import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";

/** `ebb_purge`: may delete what has expired, and cannot delete, see or drop anything else. */

const DENIED = "42501";
let database: ScratchDatabase;
/** A tenant that lives, with a row of every table. */
let tenant: string;
const purge = () => database.as("purge");
const owner = () => database.as("owner");

const setUp = async () => {
  database = await scratchDatabase();
  tenant = uuidFromId("tenant", (await database.tenant()).id);
};
const tearDown = () => database.drop();

const byRow = declaredTables().map(({ table }) => table);
const byPartition = declaredTables().flatMap(({ table, layout }) => (layout.kind === "partitioned" ? [table] : []));

/** A day's start with some room for every window before the partitions end. */
const today = () => new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000).toISOString();
const dayAfter = (at: string, days: number) => new Date(Date.parse(at) + days * 86_400_000).toISOString();

describe("rows", () => {
  // Each test looks at a table of its own, so one database will do.
  beforeAll(setUp);
  afterAll(tearDown);

  it.each(byRow)("of %s cannot be deleted until they expire, and then alone", async (table) => {
    const make = await rowMaker(database, tenant);
    const id = crypto.randomUUID();
    await make.add(table, today(), table === "tenants" ? { id, path: `{${id}}` } : {});
    // One that lives: for ever where the anchor may be to come, else a day longer.
    await make.add(table, null).catch(() => make.add(table, dayAfter(today(), 1)));
    const [row] = await owner().query(
      `select min(expires_at)::text as at, (min(expires_at) - interval '1 microsecond')::text as before, count(*)::int as count from public.${table}`,
    );
    const remove = async () =>
      (
        await purge().query(
          `with gone as (delete from public.${table} returning 1) select count(*)::int as gone from gone`,
        )
      )[0]?.["gone"];
    await database.stopClock(row?.["before"] as string);
    expect(await purge().query(`select expires_at from public.${table}`)).toEqual([]);
    expect(await remove()).toBe(0);
    await database.stopClock(row?.["at"] as string);
    expect(await purge().query(`select expires_at from public.${table}`)).toHaveLength(1);
    expect(await remove()).toBe(1);
    expect(await owner().query(`select from public.${table}`)).toHaveLength((row?.["count"] as number) - 1);
  });

  it("cannot be truncated, changed or added in any table, nor be made to have expired", async () => {
    for (const { table } of declaredTables()) {
      for (const text of [
        `truncate public.${table}`,
        `update public.${table} set expires_at = '-infinity'`,
        `insert into public.${table} default values`,
        `alter table public.${table} disable row level security`,
        `drop table public.${table}`,
      ]) {
        expect(await refusal(purge().query(text)), text).toBe(DENIED);
      }
    }
    expect(await refusal(purge().query("set row_security = off"))).toBeNull();
    const unfiltered = database.session("purge", async (client) => {
      await client.query("set row_security = off");
      await client.query("delete from public.people");
    });
    expect(await refusal(unfiltered)).toBe(DENIED);
  });

  it("of a daily partition are not deleted one by one at all, and no partition is reached by its name", async () => {
    expect(byPartition.filter((table) => !byRow.includes(table))).toContain("pings");
    for (const table of byPartition) {
      if (!byRow.includes(table))
        expect(await refusal(purge().query(`delete from public.${table}`)), table).toBe(DENIED);
      for (const { name } of await purge().query("select partition::text as name from ebb.partitions($1)", [
        `public.${table}`,
      ])) {
        expect(await refusal(purge().query(`delete from ${name}`)), String(name)).toBe(DENIED);
        expect(await refusal(purge().query(`drop table ${name}`)), String(name)).toBe(DENIED);
      }
    }
  });
});

const dropOne = async (table: string) =>
  await purge().query("select partition, rows::int from ebb.drop_expired_partition($1, $2)", [
    await begun(table),
    table,
  ]);
/** Partitions by name, with the last instant at which a row in each can expire. */
const partitionsOf = async (table: string) =>
  (await owner().query(
    "select (upper_bound - interval '1 microsecond')::text as last, partition::text as name from ebb.partitions($1)",
    [table],
  )) as { last: string; name: string }[];

describe("drop_expired_partition", () => {
  beforeEach(setUp);
  afterEach(tearDown);

  it("drops the oldest partition at the instant at which the last of its rows expires, counts its rows, and takes one at a time", async () => {
    const make = await rowMaker(database, tenant);
    const first = today();
    await make.add("pings", dayAfter(first, -29), {}, 3);
    await make.add("pings", dayAfter(first, -28), {}, 2);
    await make.add("pings", first, {}, 1);
    await database.stopClock(`${first.slice(0, 11)}23:59:59.999999Z`);
    while ((await dropOne("public.pings")).length > 0);
    expect(await owner().query("select from pings")).toHaveLength(6);
    // They expire at midnight, and are gone at midnight.
    await database.stopClock(dayAfter(first, 1));
    expect(await dropOne("public.pings")).toEqual([{ partition: expect.stringContaining("pings_"), rows: 3 }]);
    expect(await dropOne("public.pings")).toEqual([]);
    expect(await owner().query("select from pings")).toHaveLength(3);
    await database.stopClock(dayAfter(first, 2));
    expect(await dropOne("public.pings")).toMatchObject([{ rows: 2 }]);
  });

  it.each(byPartition)(
    "of %s drops what has passed by the database's clock and never what has not, whatever the session's settings",
    async (table) => {
      const all = await partitionsOf(table);
      const at = all[Math.min(3, all.length - 1)]?.last as string;
      await database.stopClock(at);
      await database.session("purge", async (client) => {
        await client.query("set datestyle = 'SQL, DMY'");
        await client.query("set timezone = 'Asia/Kolkata'");
        await client.query("set intervalstyle = 'sql_standard'");
        const passed = all.filter(({ last }) => Date.parse(sqlDate(last)) <= Date.parse(sqlDate(at)));
        for (const _ of passed)
          expect((await client.query("select * from ebb.drop_expired_partition($1)", [table])).rows).toHaveLength(1);
        expect((await client.query("select * from ebb.drop_expired_partition($1)", [table])).rows).toEqual([]);
        expect(await partitionsOf(table)).toEqual(all.slice(passed.length));
      });
    },
  );

  it("is not fooled by a clock of the caller's: a setting, a function of the same name, a role", async () => {
    await database.session("purge", async (client) => {
      for (const text of [
        "create function public.clock() returns timestamptz language sql return 'infinity'::timestamptz",
        "set role ebb_maint",
        "update ebb_test.clock set shift = '1 year'",
      ]) {
        expect(await refusal(client.query(text)), text).toBe(DENIED);
      }
      await database.stopClock("2000-01-01T00:00:00Z");
      await client.query("set search_path = public, ebb, pg_temp");
      expect((await client.query("select * from ebb.drop_expired_partition('public.pings')")).rows).toEqual([]);
    });
  });

  it("refuses any table that is not a partitioned one of maintenance's", async () => {
    await database
      .as("superuser")
      .query("create table public.theirs (expires_at timestamptz) partition by range (expires_at)");
    await database
      .as("superuser")
      .query(
        "create table public.theirs_old partition of public.theirs for values from ('2000-01-01') to ('2000-02-01')",
      );
    for (const table of [
      "public.theirs",
      "public.tenants",
      "public.theirs_old",
      "pg_catalog.pg_class",
      (await partitionsOf("public.pings"))[0]?.name as string,
    ]) {
      expect(await refusal(dropOne(table)), table).toBe("EB500");
    }
    expect(await refusal(dropOne("public.pings"))).toBeNull();
  });

  it.each([
    ["the sentinel's row", "delete from ebb.sentinel"],
    ["the sentinel's policy", "drop policy sentinel_ebb_maint on ebb.sentinel"],
    ["maintenance's policy on the table", "drop policy pings_ebb_maint_select on public.pings"],
    ["that policy's reach", "alter policy pings_ebb_maint_select on public.pings using (tenant_id is null)"],
  ])("without %s it fails, and does not report that there was nothing", async (_, damage) => {
    const [oldest] = await partitionsOf("public.pings");
    await database.stopClock(oldest?.last as string);
    await database.as("superuser").query(damage);
    expect(await refusal(dropOne("public.pings"))).toBe("EB500");
    expect((await partitionsOf("public.pings"))[0]).toEqual(oldest);
  });
});

/** `2026-11-21 00:00:00+00` as JavaScript reads it. */
function sqlDate(text: string): string {
  return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}
