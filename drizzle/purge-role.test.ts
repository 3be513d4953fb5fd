import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { intervalSql, SCHEDULE } from "../src/privacy/schedule.ts";
import { foreignCalls } from "../src/testing/foreign-calls.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase, scratchForTest } from "../src/testing/scratch-database.ts";

/** `ebb_purge`: may delete what has expired, and cannot delete, see or drop anything else. */

const DENIED = "42501";
/** How maintenance says that it does not see, or does not own, what it is asked about. */
const BLIND = { code: "EB500", message: expect.stringMatching(/maintenance/) };
const RESTRICTING = "create policy less on public.pings as restrictive using (false)";
let database: ScratchDatabase;
const purge = () => database.as("purge");
const owner = () => database.as("owner");

const setUp = async () => {
  database = await scratchDatabase();
};
const tearDown = () => database.drop();
/** Rows of a tenant that lives. */
const rowsOfATenant = async () => await rowMaker(database, uuidFromId("tenant", (await database.tenant()).id));

const declared = declaredTables();
const byRow = declared.map(({ table }) => table);
const byPartition = declared.flatMap(({ table, layout }) => (layout.kind === "partitioned" ? [table] : []));
const anonymised = declared.flatMap(({ table, retention }) => {
  const { anonymiseAfter } = SCHEDULE[retention];
  return anonymiseAfter === null ? [] : [{ table, after: intervalSql(anonymiseAfter) }];
});

/** A day's start with some room for every window before the partitions end. */
const today = () => new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000).toISOString();
const dayAfter = (at: string, days: number) => new Date(Date.parse(at) + days * 86_400_000).toISOString();

/** What a row of this table needs so that nothing but its own expiry decides. */
function valuesFor(table: string): Record<string, unknown> {
  const id = crypto.randomUUID();
  if (table === "tenants") return { id, path: `{${id}}` };
  // A hold keeps other holds too: it lies on somebody of whom there is nothing.
  if (table === "legal_holds") return { tenant_id: null, subject_id: id };
  return {};
}

describe("rows", () => {
  // Each test looks at rows of its own, so one database will do.
  beforeAll(setUp);
  afterAll(tearDown);
  beforeEach(() => database.stopClock(null));

  it.each(byRow)("of %s cannot be deleted until they expire, and then alone", async (table) => {
    const make = await rowsOfATenant();
    await make.add(table, today(), valuesFor(table));
    // One that lives: for ever where the anchor may be to come, else a day longer.
    const living = valuesFor(table);
    await make.add(table, null, living).catch(() => make.add(table, dayAfter(today(), 1), living));
    const [row] = await owner().query(
      `select min(expires_at)::text as at, (min(expires_at) - interval '1 microsecond')::text as before, count(*)::int as count from public.${table}`,
    );
    const remove = async () =>
      (
        await purge().query(
          `with gone as (delete from public.${table} returning 1) select count(*)::int as gone from gone`,
        )
      )[0]?.["gone"];
    // What is anonymised earlier is seen earlier: see below.
    const seesMore = anonymised.some((other) => other.table === table);
    await database.stopClock(row?.["before"] as string);
    if (!seesMore) expect(await purge().query(`select expires_at from public.${table}`)).toEqual([]);
    expect(await remove()).toBe(0);
    await database.stopClock(row?.["at"] as string);
    if (!seesMore) expect(await purge().query(`select expires_at from public.${table}`)).toHaveLength(1);
    expect(await remove()).toBe(1);
    expect(await owner().query(`select from public.${table}`)).toHaveLength((row?.["count"] as number) - 1);
  });

  it.each(anonymised)(
    "of $table are seen from the instant at which they are to be anonymised; until they expire that alone can be done to them",
    async ({ table, after }) => {
      const make = await rowsOfATenant();
      const id = crypto.randomUUID();
      // Not at the instant at which the rows of the test above expire.
      const anchor = dayAfter(today(), 2);
      await make.add(table, anchor, { id });
      const [row] = await owner().query(
        `select ebb.expiry($1, ${after})::text as at, (ebb.expiry($1, ${after}) - interval '1 microsecond')::text as before`,
        [anchor],
      );
      const seen = async () => (await purge().query(`select from public.${table} where id = $1`, [id])).length;
      const purging = async (text: string, params: unknown[] = []) =>
        (await purge().query(`${text} where id = $1 returning id`, [id, ...params])).length;
      const mark = () => purging(`update public.${table} set anonymised_at = ebb.clock()`);
      await database.stopClock(row?.["before"] as string);
      expect([await seen(), await mark()]).toEqual([0, 0]);
      await database.stopClock(row?.["at"] as string);
      expect(await seen()).toBe(1);
      expect(await refusal(purging(`update public.${table} set anonymised_at = null`))).toBe(DENIED);
      expect(await purging(`delete from public.${table}`)).toBe(0);
      expect(await mark()).toBe(1);
      expect(await owner().query(`select anonymised_at::text as at from ${table} where id = $1`, [id])).toEqual([
        { at: row?.["at"] },
      ]);
      // Once and for all.
      expect(await mark()).toBe(0);
      expect(await purging(`delete from public.${table}`)).toBe(0);
    },
  );

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

  it("of no partition can be reached by its name, whether its time has passed or not", async () => {
    await database.stopClock(dayAfter(today(), 10));
    for (const table of byPartition) {
      const all = await owner().query(
        "select partition::text as name, upper_bound <= ebb.clock() as passed from ebb.partitions($1)",
        [`public.${table}`],
      );
      expect(all.length, table).toBeGreaterThan(0);
      if (table === "pings") expect(new Set(all.map((row) => row["passed"]))).toEqual(new Set([true, false]));
      await database.session("purge", async (client) => {
        for (const { name } of all) {
          for (const text of [
            `select expires_at from public.${name}`,
            `delete from public.${name}`,
            `drop table public.${name}`,
          ]) {
            expect(await refusal(client.query(text)), text).toBe(DENIED);
          }
        }
        const detach = `alter table public.${table} detach partition public.${all[0]?.["name"]}`;
        expect(await refusal(client.query(detach)), detach).toBe(DENIED);
      });
    }
  });
});

it("calls no function of another role's", async () => {
  const scratch = await scratchForTest();
  const calls = await foreignCalls(scratch, "ebb_purge");
  for (const call of calls) expect(await refusal(scratch.as("purge").query(`select ${call}`)), call).toBe(DENIED);
});

describe("a run", () => {
  beforeEach(setUp);
  afterEach(tearDown);

  it.each([
    ["the policy by which it sees", "drop policy outbox_ebb_purge_select on public.outbox"],
    ["the policy by which it deletes", "drop policy outbox_ebb_purge_delete on public.outbox"],
    ["the reach of one", "alter policy outbox_ebb_purge_select on public.outbox using (expires_at < ebb.clock())"],
    ["sight of all, taken by a policy that restricts", RESTRICTING.replaceAll("pings", "outbox")],
    ["knowing by which policies it sees", "delete from ebb.known_policies where table_name = 'public.outbox'"],
  ])("without %s is not begun, and does not report that there was nothing", async (_, damage) => {
    await database.as("superuser").query(damage);
    expect(await refusal(begun("public.outbox"))).toBe("EB500");
    expect(await refusal(begun("public.mail_outbox"))).toBeNull();
  });

  it("does only what is purged there, and only once it has begun", async () => {
    const batch = async (table: string, which: string, run?: string) =>
      await purge().query("select done from ebb.purge_batch($1, $2, $3, null, null, 10)", [
        run ?? (await begun(table)),
        table,
        which,
      ]);
    await (await rowsOfATenant()).add("outbox", "2020-01-01T00:00:00Z", {}, 3);
    expect(await refusal(batch("public.outbox", "everything"))).toBe("EB500");
    expect(await refusal(batch("public.outbox", "anonymise"))).toBe("EB500");
    expect(await refusal(batch("public.outbox", "expired", crypto.randomUUID()))).toBe("EB500");
    expect(await owner().query("select from outbox where expires_at < 'infinity'")).toHaveLength(3);
    expect(await batch("public.outbox", "expired")).toEqual([{ done: 3 }]);
    expect(await batch("public.outbox", "expired")).toEqual([]);
  });
});

/** Begins a run on a table, and returns it. */
async function begun(table: string): Promise<string> {
  const run = crypto.randomUUID();
  await purge().query("select from ebb.begin_purge($1, $2)", [run, table]);
  return run;
}
const dropOne = async (run: string, table: string) =>
  await purge().query("select partition, rows::int from ebb.drop_expired_partition($1, $2)", [run, table]);
/** Partitions by name, with the last instant at which a row in each can expire. */
const partitionsOf = async (table: string) =>
  (await owner().query(
    "select (upper_bound - interval '1 microsecond')::text as last, partition::text as name from ebb.partitions($1)",
    [table],
  )) as { last: string; name: string }[];

describe("drop_expired_partition, table by table", () => {
  beforeAll(setUp);
  afterAll(tearDown);

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
        const run = crypto.randomUUID();
        await client.query("select from ebb.begin_purge($1, $2)", [run, table]);
        const drop = async () =>
          (await client.query("select * from ebb.drop_expired_partition($1, $2)", [run, table])).rows;
        for (const { name } of passed) expect(await drop()).toMatchObject([{ partition: `public.${name}` }]);
        expect(await drop()).toEqual([]);
        expect(await partitionsOf(table)).toEqual(all.slice(passed.length));
      });
    },
  );
});

describe("drop_expired_partition", () => {
  beforeEach(setUp);
  afterEach(tearDown);

  it("drops the oldest partition at the instant at which the last of its rows expires, counts its rows, and takes one at a time", async () => {
    const make = await rowsOfATenant();
    const first = today();
    await make.add("pings", dayAfter(first, -29), {}, 3);
    await make.add("pings", dayAfter(first, -28), {}, 2);
    await make.add("pings", first, {}, 1);
    await database.stopClock(`${first.slice(0, 11)}23:59:59.999999Z`);
    const before = await begun("public.pings");
    while ((await dropOne(before, "public.pings")).length > 0);
    expect(await owner().query("select from pings")).toHaveLength(6);
    // They expire at midnight, and are gone at midnight.
    const midnight = dayAfter(first, 1);
    await database.stopClock(midnight);
    const run = await begun("public.pings");
    const [dropped, ...more] = await dropOne(run, "public.pings");
    expect([dropped, more]).toEqual([{ partition: expect.stringContaining("pings_"), rows: 3 }, []]);
    expect(await dropOne(run, "public.pings")).toEqual([]);
    expect(await owner().query("select from pings")).toHaveLength(3);
    // What it did is told as it did it.
    const told = await purge().query(
      "select deleted::int, anonymised::int, blocked::int, partitions, earliest = $2 and latest = $2 as bounds from ebb.progress_of($1, 'public.pings')",
      [run, midnight],
    );
    const partition = {
      name: dropped?.["partition"],
      from: expect.stringMatching(/T00:00:00\.000001\+00:00$/),
      to: expect.stringMatching(/T00:00:00\.000001\+00:00$/),
      rows: 3,
    };
    expect(told).toEqual([{ deleted: 3, anonymised: 0, blocked: 0, partitions: [partition], bounds: true }]);
    await database.stopClock(dayAfter(first, 2));
    expect(await dropOne(run, "public.pings")).toMatchObject([{ rows: 2 }]);
  });

  it("of a run that has not begun drops nothing", async () => {
    const all = await partitionsOf("public.pings");
    await database.stopClock(all[0]?.last as string);
    expect(await refusal(dropOne(crypto.randomUUID(), "public.pings"))).toBe("EB500");
    expect(await refusal(dropOne(await begun("public.outbox"), "public.pings"))).toBe("EB500");
    expect(await partitionsOf("public.pings")).toEqual(all);
    expect(await dropOne(await begun("public.pings"), "public.pings")).toHaveLength(1);
  });

  it("is not fooled by a clock of the caller's: a setting, a function of the same name, a role", async () => {
    const run = await begun("public.pings");
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
      const drop = "select * from ebb.drop_expired_partition($1, 'public.pings')";
      expect((await client.query(drop, [run])).rows).toEqual([]);
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
    // A run that has begun elsewhere: what refuses is the drop itself, before it looks for anything.
    const run = await begun("public.pings");
    const oldest = (await partitionsOf("public.pings"))[0] as { name: string };
    for (const table of ["public.theirs", "public.tenants", "public.theirs_old", "pg_catalog.pg_class", oldest.name]) {
      await expect(dropOne(run, table), table).rejects.toMatchObject(BLIND);
    }
    expect(await owner().query("select from pg_class where relname = 'theirs_old'")).toHaveLength(1);
    expect(await refusal(dropOne(run, "public.pings"))).toBeNull();
  });

  it.each([
    ["the sentinel's row", "delete from ebb.sentinel"],
    ["the sentinel's policy", "drop policy sentinel_ebb_maint on ebb.sentinel"],
    ["maintenance's policy on the table", "drop policy pings_ebb_maint_select on public.pings"],
    ["that policy's reach", "alter policy pings_ebb_maint_select on public.pings using (tenant_id is null)"],
    ["sight of all, taken by a policy that restricts", RESTRICTING],
  ])("without %s it fails, and does not report that there was nothing", async (_, damage) => {
    const [oldest] = await partitionsOf("public.pings");
    await database.stopClock(oldest?.last as string);
    // Begun before: what fails is the drop itself.
    const run = await begun("public.pings");
    await database.as("superuser").query(damage);
    await expect(dropOne(run, "public.pings")).rejects.toMatchObject(BLIND);
    expect((await partitionsOf("public.pings"))[0]).toEqual(oldest);
  });
});

/** `2026-11-21 00:00:00+00` as JavaScript reads it. */
function sqlDate(text: string): string {
  return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}
