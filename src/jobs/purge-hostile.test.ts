import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { canonicalJson } from "../core/canonical-json.ts";
import { uuidFromId } from "../core/id.ts";
import type { Sql } from "../db/connect.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { addAgedRows, rowsOf, stopAtNoon } from "../testing/aged-rows.ts";
import { withFault } from "../testing/faults.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { reportOf, runPurge, troubles } from "../testing/purging.ts";
import { type RowMaker, rowMaker } from "../testing/rows.ts";
import { type ScratchDatabase, scratchDatabase, scratchForTest } from "../testing/scratch-database.ts";

/** The purge in hard times: very many rows, little time, runs that were missed or died; and what its receipts say of that. */

const DAY = 86_400_000;
const MINUTE = 60_000;
const TABLES = declaredTables().map(({ table }) => table);
let database: ScratchDatabase;
let tenant: string;
let make: RowMaker;
let noon: number;
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const purge = (text: string, params: unknown[] = []) => database.as("purge").query(text, params);
const ago = (ms: number) => new Date(noon - ms).toISOString();
const count = async (table: string) => (await owner(`select from public.${table}`)).length;

beforeAll(async () => {
  database = await scratchDatabase();
});
afterAll(() => checkInvariants(database).finally(() => database.drop()), 30_000);
beforeEach(async () => {
  tenant = uuidFromId("tenant", (await database.tenant()).id);
  make = await rowMaker(database, tenant);
  noon = await stopAtNoon(database);
  // Whatever an earlier test has left: children first.
  const left = declaredTables().map(({ table }) => `delete from public.${table} where expires_at <= ebb.clock();`);
  await owner(`do $$ begin ${left.reverse().join(" ")} delete from dead_letters; delete from purge_progress; end $$`);
});

interface Receipt {
  id: string;
  run: string;
  table: string;
  deleted: number;
  anonymised: number;
  interrupted: boolean;
  finished: boolean;
  errors: string[];
  ended_at: string;
  copies_gone_at: string;
}
const receiptTexts = async (run: string) =>
  (await owner("select receipt, id from purge_receipts where run_id = $1", [run])) as { receipt: string; id: string }[];
const receiptsOf = async (run: string) =>
  (await receiptTexts(run)).map(({ receipt }) => JSON.parse(receipt) as Receipt);

describe("very many rows", () => {
  const MANY = 60_000;
  const addMany = () =>
    owner(
      `insert into dead_letters (id, tenant_id, gate_id, reason, body, recorded_at)
       select gen_random_uuid(), $1, 'g', 'r', 'b', $2 from generate_series(1, $3)`,
      [tenant, ago(8 * DAY), MANY],
    );

  it("that expire in one instant go in batches, two runs at once share them, and each counts its own", async () => {
    await addMany();
    await make.add("dead_letters", ago(1), {}, 7);
    const runs = await Promise.all([runPurge(database, noon), runPurge(database, noon)]);
    const rest = await runPurge(database, noon);
    expect(await count("dead_letters")).toBe(7);
    const told = [...runs, rest].map((report) => reportOf(report, "dead_letters").deleted);
    expect((told[0] as number) + (told[1] as number) + (told[2] as number)).toBe(MANY);
    const receipts = (await Promise.all([...runs, rest].map(({ run }) => receiptsOf(run)))).flat();
    const sum = receipts.reduce((all, { table, deleted }) => all + (table === "dead_letters" ? deleted : 0), 0);
    expect(sum).toBe(MANY);
    expect(new Set(receipts.map(({ run, table }) => `${run} ${table}`)).size).toBe(3 * TABLES.length);
  });

  type Plans = (table: string, scope?: string) => Promise<string[]>;
  /** With what Postgres says of the statements about a table within `ebb.purge_batch`: how it looked, and how it deleted. */
  const withPlans = (settings: readonly string[], fn: (plansOf: Plans) => Promise<void>) =>
    database.session("superuser", async (client) => {
      const plans: string[] = [];
      client.on("notice", ({ message }) => void plans.push(message ?? ""));
      const explain = ["log_min_duration = 0", "log_nested_statements = on", "log_level = notice"];
      await client.query("load 'auto_explain'");
      for (const setting of [...explain.map((text) => `auto_explain.${text}`), ...settings])
        await client.query(`set ${setting}`);
      await client.query("set role ebb_purge");
      await fn(async (table, scope = "'expired', null") => {
        const run = crypto.randomUUID();
        await client.query("select ebb.begin_purge($1, $2)", [run, `public.${table}`]);
        plans.length = 0;
        await client.query(`select ebb.purge_batch($1, $2, ${scope}, null, 1000)`, [run, `public.${table}`]);
        return plans.filter((plan) => /Query Text: (select array\[|with done as)/.test(plan));
      });
    });

  /** Sorts in a plan of more than the batch itself, whose last row is looked for so; merging what has an order is none. */
  const sortsOf = (plan: string) =>
    [...plan.matchAll(/(?:Incremental )?Sort {2}\(.*\n\s+Sort Key: (.*)/g)]
      .map(([, key]) => key)
      .filter((key) => key !== "numbered.n DESC");

  it("are found by the index on expiry and key, and not sorted", async () => {
    await addMany();
    await make.add("dead_letters", ago(1), {}, 2_000);
    await owner("analyze dead_letters");
    await withPlans([], async (plansOf) => {
      const plans = await plansOf("dead_letters");
      expect(plans).toHaveLength(2);
      for (const plan of plans) {
        expect(plan).toMatch(/Index (Only )?Scan (using|on) dead_letters_expires/);
        expect(plan).not.toMatch(/Seq Scan on (public\.)?dead_letters/);
      }
      expect(sortsOf(plans[0] as string)).toEqual([]);
    });
    expect(await count("dead_letters")).toBe(MANY + 1_000);
  });

  it("of any table are not: each has an index in the order in which the purge goes, through a closed tenant's too", async () => {
    const sorted: string[] = [];
    await addAgedRows(database, make);
    // So that it is sorted only where it must be, however few rows there are.
    const settings = ["enable_seqscan = off", "enable_bitmapscan = off", "enable_sort = off"];
    await withPlans(settings, async (plansOf) => {
      for (const { table, layout, key } of declaredTables()) {
        const [looking = ""] = await plansOf(table);
        expect(looking).toContain("Limit");
        sorted.push(...sortsOf(looking).map((by) => `${table}: ${by}`));
        if (layout.kind === "state" || key[0] !== "tenant_id") continue;
        const [through = ""] = await plansOf(table, `'gone', '${tenant}'`);
        expect(through).toContain("Limit");
        sorted.push(...sortsOf(through).map((by) => `${table} of a tenant: ${by}`));
      }
    });
    expect(sorted).toEqual([]);
  });
});

describe("a run without enough time", () => {
  it("gives every table its turn, tells which are not finished, and the next goes on", async () => {
    // Each batch of these is refused, halved, and tried one by one: three statements for 64, however fast they go.
    const stuck = 3_500;
    await owner(
      `with made as (
         insert into instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at, removed_at)
         select gen_random_uuid(), $1, (select id from workspaces where tenant_id = $1), gen_random_uuid(), '', '{}', $2, $2
           from generate_series(1, $3) returning id)
       insert into credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
       select gen_random_uuid(), $1, 'client-secret', 'c', id, sha256(uuid_send(id)), '{}', $2 from made`,
      [tenant, ago(92 * DAY), stuck],
    );
    const [last, letter, person] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    await make.add("instances", ago(91 * DAY), { id: last });
    await make.add("dead_letters", ago(8 * DAY), { id: letter });
    await make.add("people", ago(91 * DAY), { id: person });
    const isThere = async (table: string, id: string) =>
      (await owner(`select from public.${table} where id = $1`, [id])).length === 1;
    const first = await runPurge(database, noon, { statements: 120 });
    expect(troubles(first)).toEqual([
      { table: "instances", errors: [], blocked: expect.toSatisfy((n) => n < stuck), finished: false },
    ]);
    expect([await isThere("dead_letters", letter), await isThere("people", person)]).toEqual([false, false]);
    expect(await isThere("instances", last)).toBe(true);
    expect(reportOf(first, "instances").overdueAfterMs).toBe(2 * DAY);
    // However many must stay, whoever comes behind them gets its turn.
    const second = await runPurge(database, noon);
    expect(troubles(second)).toEqual([{ table: "instances", errors: [], blocked: stuck, finished: true }]);
    expect(await isThere("instances", last)).toBe(false);
    await owner("update credentials set revoked_at = $2 where tenant_id = $1", [tenant, ago(91 * DAY)]);
    expect(troubles(await runPurge(database, noon))).toEqual([]);
    expect(reportOf(second, "instances").deleted).toBe(1);
  });

  it("that is out of time at once deletes nothing, and every table is told as unfinished", async () => {
    await make.add("dead_letters", ago(8 * DAY));
    const report = await runPurge(database, noon, { ms: 0 });
    expect(report.tables.map(({ finished, deleted, receipt }) => [finished, deleted, receipt])).toEqual(
      TABLES.map(() => [false, 0, true]),
    );
    expect(await count("dead_letters")).toBe(1);
    expect(troubles(await runPurge(database, noon))).toEqual([]);
    expect(await count("dead_letters")).toBe(0);
  });
});

it("after a week without one, the first run catches up", async () => {
  const own = await scratchForTest();
  const making = await rowMaker(own, uuidFromId("tenant", (await own.tenant()).id));
  const later = (await stopAtNoon(own)) + 7 * DAY;
  await addAgedRows(own, making);
  // The person whom all others belong to lives on.
  await making.add("memberships", null);
  await own.stopClock(later);
  const [due, kept] = [await rowsOf(own, true), await rowsOf(own, false)];
  const report = await runPurge(own, later);
  expect(troubles(report)).toEqual([]);
  expect(await rowsOf(own)).toEqual(kept);
  for (const [table, rows] of Object.entries(due))
    expect([table, reportOf(report, table).deleted]).toEqual([table, rows.length]);
  expect(reportOf(report, "credentials")).toMatchObject({
    overdueBeforeMs: 7 * DAY + 40 * 60 * MINUTE,
    overdueAfterMs: 0,
  });
});

describe("receipts", () => {
  it("are canonical JSON, one a table, and say what has gone", async () => {
    await addAgedRows(database, make);
    const before = await rowsOf(database);
    const report = await runPurge(database, noon);
    const after = await rowsOf(database);
    const rows = await receiptTexts(report.run);
    const receipts = rows.map(({ receipt, id }) => ({ ...(JSON.parse(receipt) as Receipt), row: id, text: receipt }));
    expect(receipts.map(({ table }) => table).sort()).toEqual(TABLES.toSorted());
    for (const { text, row, ...receipt } of receipts) {
      const parsed = JSON.parse(text);
      expect(canonicalJson(parsed)).toBe(text);
      expect(Object.keys(parsed)).toEqual(Object.keys(parsed).sort());
      const { table } = receipt;
      expect([table, receipt.deleted]).toEqual([table, (before[table]?.length ?? 0) - (after[table]?.length ?? 0)]);
      expect(receipt).toMatchObject({ run: report.run, finished: true, interrupted: false, errors: [] });
      expect(Date.parse(receipt.ended_at)).toBe(noon);
      expect(Date.parse(receipt.copies_gone_at)).toBe(noon + 30 * DAY);
      expect(uuidFromId("purgeReceipt", receipt.id)).toBe(row);
      expect(text).not.toContain(tenant);
    }
    expect(receipts.reduce((sum, { deleted }) => sum + deleted, 0)).toBeGreaterThan(3 * TABLES.length);
  });

  it("are written once, whoever asks again", async () => {
    const run = crypto.randomUUID();
    await purge("select ebb.begin_purge($1, 'public.people')", [run]);
    const record = async (begun: boolean) => {
      const receipt = JSON.stringify({ run, table: "people" });
      const params = [crypto.randomUUID(), run, receipt, begun];
      const [row] = await purge("select ebb.record_receipt($1, $2, 'public.people', $3, $4) as written", params);
      return row?.["written"];
    };
    expect([await record(true), await record(true)]).toEqual([true, false]);
    expect(await receiptTexts(run)).toHaveLength(1);
    // One that began without its caller's hearing of it leaves nothing for a later run to tell again.
    await purge("select ebb.begin_purge($1, 'public.people')", [run]);
    expect(await record(false)).toBe(true);
    expect(await owner("select from purge_progress")).toEqual([]);
  });

  it("tell of a table that could not even be begun, and why", async () => {
    await database.as("superuser").query("alter policy outbox_ebb_purge_delete on public.outbox using (false)");
    const report = await runPurge(database, noon);
    await database
      .as("superuser")
      .query(
        "do $$ begin execute format('alter policy outbox_ebb_purge_delete on public.outbox using (%s)', (select pg_get_expr(polqual, polrelid) from pg_policy where polname = 'outbox_ebb_purge_select')); end $$",
      );
    expect(troubles(report)).toEqual([
      { table: "outbox", errors: ["EB500", "EB500", "EB500"], blocked: 0, finished: false },
    ]);
    const told = (await receiptsOf(report.run)).filter(({ finished }) => !finished);
    expect(told).toMatchObject([{ table: "outbox", errors: ["EB500", "EB500", "EB500"], deleted: 0 }]);
    expect(troubles(await runPurge(database, noon))).toEqual([]);
  });
});

describe("a run that died", () => {
  /** Dead from the given statement on; that one is done, and nobody hears of it. */
  function dying(at: (text: string, params: readonly unknown[]) => boolean): Sql {
    const sql = database.as("purge");
    let dead = false;
    return {
      query: async (text, params = []) => {
        if (dead) throw new Error("the run is dead");
        dead = at(text, params);
        if (!dead) return await sql.query(text, params);
        return await withFault({ kind: "drop-after-commit", times: 1 }, () => sql.query(text, params));
      },
    };
  }
  const abandonedAt = async (ms: number) => {
    await database.stopClock(noon + ms);
    return (await runPurge(database, noon + ms)).abandoned;
  };

  it("has its receipts written by the first run more than 30 minutes later, once, and the sums are what is gone", async () => {
    await make.add("dead_letters", ago(8 * DAY), {}, 5_000);
    await make.add("refresh_tokens", ago(91 * DAY), {}, 30);
    let batches = 0;
    const died = await runPurge(
      database,
      noon,
      {},
      dying((text, params) => text.includes("purge_batch") && params[1] === "public.dead_letters" && ++batches === 2),
    );
    expect(died.tables.filter(({ receipt }) => receipt)).toEqual([]);
    expect(await receiptTexts(died.run)).toEqual([]);
    const gone = 5_000 - (await count("dead_letters"));
    expect(gone).toBeGreaterThan(1_000);
    const begun = await owner("select table_name from purge_progress");
    expect([
      await abandonedAt(30 * MINUTE),
      await abandonedAt(30 * MINUTE + 1),
      await abandonedAt(31 * MINUTE),
    ]).toEqual([0, begun.length, 0]);
    const receipts = await receiptsOf(died.run);
    expect(receipts.map(({ table }) => `public.${table}`).sort()).toEqual(begun.map((row) => row["table_name"]).sort());
    for (const receipt of receipts) expect(receipt).toMatchObject({ interrupted: true, finished: false, errors: [] });
    // The one batch that nobody heard of is counted too.
    expect(receipts.find(({ table }) => table === "dead_letters")?.deleted).toBe(gone);
    expect(await count("dead_letters")).toBe(0);
    const [all] = await owner(
      "select sum((receipt::jsonb ->> 'deleted')::int)::int as deleted from purge_receipts where table_name = 'public.dead_letters' and recorded_at >= $1",
      [new Date(noon).toISOString()],
    );
    expect(all).toEqual({ deleted: expect.toSatisfy((n) => n >= 5_000) });
  });

  it("many times leaves time for the purge itself: receipts are made up for bit by bit", async () => {
    await owner(
      `insert into purge_progress (run_id, table_name, started_at, overdue_ms, deleted, anonymised, blocked, partitions)
       select run, 'public.' || name, $1, 0, 0, 0, 0, '[]'
         from (select gen_random_uuid() as run from generate_series(1, 20)) r, unnest($2::text[]) as name`,
      [ago(DAY), TABLES],
    );
    await make.add("people", ago(91 * DAY));
    let statements = 0;
    const sql = database.as("purge");
    const report = await runPurge(
      database,
      noon,
      {},
      {
        query: (...call) => {
          statements += 1;
          return sql.query(...call);
        },
      },
    );
    expect(troubles(report)).toEqual([]);
    expect(reportOf(report, "people").deleted).toBe(1);
    expect(report.abandoned).toBeGreaterThan(20);
    expect(statements).toBeLessThan(900);
    expect(await count("purge_progress")).toBe(20 * TABLES.length - report.abandoned);
  });
});
