import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { type Logger, silentLogger } from "../core/log.ts";
import type { Sql } from "../db/connect.ts";
import { httpSql } from "../db/connect.ts";
import { endsWithTenant, held } from "../privacy/conditions.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { intervalSql, SCHEDULE, type Window } from "../privacy/schedule.ts";
import { addAgedRows, rowsOf, stopAtNoon } from "../testing/aged-rows.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { type RowMaker, rowMaker } from "../testing/rows.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import { purge } from "./purge.ts";
import type { PurgeReport } from "./purge-report.ts";
import { FIRST_BATCH } from "./purge-table.ts";

/** The purge as a whole: what it takes, what it leaves, and what it says when something stands in its way. */

let database: ScratchDatabase;
let make: RowMaker;
let noon: number;
beforeEach(async () => {
  database = await scratchDatabase();
  make = await rowMaker(database, uuidFromId("tenant", (await database.tenant()).id));
  noon = await stopAtNoon(database);
  pauses = [];
});
afterEach(() => checkInvariants(database).finally(() => database.drop()));

let pauses: number[] = [];
const pause = async (ms: number) => void pauses.push(ms);
const run = (sql: Sql = database.as("purge"), logger: Logger = silentLogger, limits = {}) =>
  purge({ purge: sql, clock: { now: () => noon }, logger, random: () => 0.5, pause }, limits);
const deletedOf = (report: PurgeReport) =>
  Object.fromEntries(report.tables.map(({ table, deleted }) => [table, deleted]));
const problemsOf = (report: PurgeReport) =>
  report.tables
    .filter(({ errors, blocked }) => errors.length > 0 || blocked > 0)
    .map(({ table, errors, blocked, finished }) => ({ table, errors, blocked, finished }));
const hoursAgo = (hours: number) => new Date(noon - hours * 3_600_000).toISOString();

describe("one run", () => {
  it("takes exactly what has expired, of every age in every table, and says how much", async () => {
    await addAgedRows(database, make);
    const [due, kept] = [await rowsOf(database, true), await rowsOf(database, false)];
    for (const { table } of declaredTables())
      expect([table, due[table]?.length]).toEqual([table, expect.toSatisfy((n) => n >= 3)]);
    const report = await run();
    expect(await rowsOf(database)).toEqual(kept);
    expect(deletedOf(report)).toEqual(
      Object.fromEntries(Object.entries(due).map(([table, rows]) => [table, rows.length])),
    );
    expect(problemsOf(report)).toEqual([]);
    expect(report).toMatchObject({ startedAtMs: noon, finishedAtMs: noon });
  });

  it("finds nothing the second time", async () => {
    await addAgedRows(database, make);
    await run();
    const left = await rowsOf(database);
    expect(new Set(Object.values(deletedOf(await run())))).toEqual(new Set([0]));
    expect(await rowsOf(database)).toEqual(left);
  });

  it("takes a tree of tenants with all that hangs on it, children first", async () => {
    const closed = await database.tenant();
    const below = await database.tenant({ kind: "client", parent: closed });
    const uuids = [closed, below].map(({ id }) => uuidFromId("tenant", id));
    for (const tenant of uuids) {
      const hanging = await rowMaker(database, tenant);
      for (const { table, layout } of declaredTables())
        if (table !== "tenants" && layout.kind === "state") await hanging.add(table, hoursAgo(24 * 100));
    }
    // Whatever still lives of it ends with it.
    for (const { table, anchor, layout, columns } of declaredTables()) {
      const hangs = "tenant_id" in columns || table === "tenants" || table === "people";
      if (anchor.at === "column" && layout.kind === "state" && hangs) {
        const own =
          table === "tenants"
            ? "id = any ($2)"
            : table === "people"
              ? "expires_at = 'infinity' and $2::uuid[] is not null"
              : "tenant_id = any ($2)";
        await database
          .as("owner")
          .query(`update ${table} set ${anchor.columns[0]} = $1 where ${own}`, [hoursAgo(24 * 100), uuids]);
      }
    }
    // Their gates are emptied before: workers/empty-gates.test.ts.
    await database.as("owner").query("update tenants set gate_emptied_at = ebb.clock() where id = any ($1)", [uuids]);
    expect(problemsOf(await run())).toEqual([]);
    expect(await database.as("owner").query("select from tenants where id = any ($1)", [uuids])).toEqual([]);
  });

  it("never looks at more than a batch at once, finds the size that its time allows, and comes to an end", async () => {
    await make.add("dead_letters", hoursAgo(24 * 8), {}, 2_501);
    await make.add("dead_letters", hoursAgo(1), {}, 7);
    const batches: { size: number; done: number }[] = [];
    const inner = database.as("purge");
    const report = await run({
      query: async (text, params) => {
        const rows = await inner.query(text, params);
        if (text.includes("ebb.purge_batch") && params?.[1] === "public.dead_letters" && rows.length > 0)
          batches.push({ size: params[5] as number, done: rows[0]?.["done"] as number });
        return rows;
      },
    });
    expect(batches[0]).toEqual({ size: FIRST_BATCH, done: FIRST_BATCH });
    for (const { size, done } of batches.slice(0, -1)) expect(done).toBe(size);
    expect(deletedOf(report)["dead_letters"]).toBe(2_501);
    expect(await database.as("owner").query("select from dead_letters")).toHaveLength(7);
  });

  it("logs tables and numbers, and nothing of the rows", async () => {
    await make.add("people", hoursAgo(24 * 91), { email: "ada@example.org", name: "Ada" });
    const lines: unknown[][] = [];
    await run(database.as("purge"), { log: (...line) => lines.push(line) });
    expect(lines).toContainEqual(["info", "purged", { table: "people", rows: 1, count: 0 }]);
    expect(JSON.stringify(lines)).not.toMatch(/ada/i);
  });
});

describe("what is to be anonymised", () => {
  it("loses what says who it was, at the instant that the schedule says, once; and stays", async () => {
    const owner = database.as("owner");
    const { anonymiseAfter, window } = SCHEDULE["website-visits"] as Record<"anonymiseAfter" | "window", Window>;
    const [row] = await owner.query(
      `select a.anchor::text, b.due::text, (b.due - interval '1 microsecond')::text as before,
              ebb.expiry(a.anchor, ${intervalSql(window)})::text as expires
         from (select ($1::timestamptz at time zone 'UTC' - ${intervalSql(anonymiseAfter)}) at time zone 'UTC') as a (anchor),
              lateral (select ebb.expiry(a.anchor, ${intervalSql(anonymiseAfter)})) as b (due)`,
      [hoursAgo(0)],
    );
    const at = (name: string) => row?.[name] as string;
    await database
      .as("jobs")
      .query("select ebb.create_partitions('public.website_visits', 'month', $1, $1)", [at("expires")]);
    // Before that: a visit that comes later comes anonymised.
    await database.stopClock(at("before"));
    const whole = { visitor_id: "v", referrer: "r", browser: "b", language: "de-AT", path: "/p" };
    await make.add("website_visits", at("anchor"), whole);
    const visits = () =>
      owner.query("select visitor_id, referrer, browser, language, path, anonymised_at::text from website_visits");
    const doneBy = (report: PurgeReport) => {
      expect(problemsOf(report)).toEqual([]);
      const { deleted, anonymised } = report.tables.find(({ table }) => table === "website_visits") ?? {};
      return { deleted, anonymised };
    };
    expect(doneBy(await run())).toEqual({ deleted: 0, anonymised: 0 });
    expect(await visits()).toEqual([{ ...whole, anonymised_at: null }]);
    await database.stopClock(at("due"));
    expect(doneBy(await run())).toEqual({ deleted: 0, anonymised: 1 });
    const nobody = { visitor_id: null, referrer: null, browser: null, language: "de", path: "/p" };
    expect(await visits()).toEqual([{ ...nobody, anonymised_at: at("due") }]);
    expect(doneBy(await run())).toEqual({ deleted: 0, anonymised: 0 });
  });
});

describe("a row to which another still refers", () => {
  it("is passed over and counted, and taken once nothing refers to it", async () => {
    const ids = [crypto.randomUUID(), crypto.randomUUID()];
    for (const id of ids) {
      await make.add("instances", hoursAgo(24 * 91), { id });
      await make.add("credentials", null, { instance_id: id });
    }
    await make.add("instances", hoursAgo(24 * 92), {}, 1_200);
    const first = await run();
    expect(problemsOf(first)).toEqual([{ table: "instances", errors: [], blocked: 2, finished: true }]);
    expect(deletedOf(first)["instances"]).toBe(1_200);
    await database
      .as("owner")
      .query("update credentials set revoked_at = $1 where instance_id = any ($2)", [hoursAgo(24 * 91), ids]);
    const second = await run();
    expect(problemsOf(second)).toEqual([]);
    expect(deletedOf(second)).toMatchObject({ instances: 2, credentials: 2 });
  });
});

describe("a failure", () => {
  it("of one table stops no other, is named by its SQLSTATE, and is made up for later", async () => {
    await addAgedRows(database, make);
    const kept = await rowsOf(database, false);
    const due = await rowsOf(database, true);
    await database.as("superuser").query("revoke delete on public.outbox from ebb_purge");
    expect(problemsOf(await run())).toEqual([
      { table: "outbox", errors: ["42501", "42501", "42501"], blocked: 0, finished: false },
    ]);
    expect(pauses).toEqual([750, 3_000]);
    const { outbox: left, ...others } = await rowsOf(database);
    const { outbox: keptOutbox = [], ...keptOthers } = kept;
    expect(others).toEqual(keptOthers);
    expect(left).toEqual([...keptOutbox, ...(due["outbox"] ?? [])].sort());
    await database.as("superuser").query("grant delete on public.outbox to ebb_purge");
    expect(problemsOf(await run())).toEqual([]);
    expect(await rowsOf(database)).toEqual(kept);
  });

  it("of every table is an error: a purge without a database did not happen", async () => {
    const nowhere = new URL(database.url("purge"));
    nowhere.password = "wrong";
    await expect(run(httpSql(nowhere.href))).rejects.toThrow("every table");
  });

  it("of the policy that lets it see leaves a trace, and is not a purge that found nothing", async () => {
    await addAgedRows(database, make);
    await database.as("superuser").query("delete from ebb.sentinel");
    const failed = problemsOf(await run()).map(({ table, errors }) => [table, errors[0]]);
    const looking = declaredTables().filter(
      (table) => table.layout.kind === "partitioned" || held(table) !== null || endsWithTenant(table),
    );
    expect(Object.fromEntries(failed)).toEqual(Object.fromEntries(looking.map(({ table }) => [table, "EB500"])));
    await database.as("superuser").query("insert into ebb.sentinel values (true)");
  });
});

describe("a partition that somebody reads", () => {
  it("waits for its lock in vain and is reported; its rows go one by one, and it goes in a later run", async () => {
    await addAgedRows(database, make);
    const kept = await rowsOf(database, false);
    const passed = async () =>
      (await database.as("jobs").query("select from ebb.partitions('public.pings') where upper_bound <= ebb.clock()"))
        .length;
    await database.session("owner", async (client) => {
      await client.query("begin");
      await client.query("select from public.pings limit 1");
      expect(problemsOf(await run())).toEqual([
        { table: "pings", errors: ["55P03", "55P03", "55P03"], blocked: 0, finished: false },
      ]);
      expect(await passed()).toBeGreaterThan(0);
      await client.query("commit");
    });
    expect(await rowsOf(database)).toEqual(kept);
    expect(problemsOf(await run())).toEqual([]);
    expect(await passed()).toBe(0);
    expect(await rowsOf(database)).toEqual(kept);
  });
});

describe("two runs at once", () => {
  it("take each row once between them, and neither fails", async () => {
    await addAgedRows(database, make);
    await make.add("dead_letters", hoursAgo(24 * 8), {}, 1_500);
    const [kept, due] = [await rowsOf(database, false), await rowsOf(database, true)];
    const [one, two] = await Promise.all([run(), run()]);
    expect([...problemsOf(one), ...problemsOf(two)]).toEqual([]);
    expect(await rowsOf(database)).toEqual(kept);
    for (const [table, rows] of Object.entries(due)) {
      expect([table, (deletedOf(one)[table] ?? 0) + (deletedOf(two)[table] ?? 0)]).toEqual([table, rows.length]);
    }
  });
});
