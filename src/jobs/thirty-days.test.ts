import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../core/log.ts";
import type { Sql } from "../db/connect.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { checkInvariants, ledgerOf } from "../testing/invariants.ts";
import { type ScratchDatabase, scratchForTest } from "../testing/scratch-database.ts";
import { type SteadyWriting, steadyWriting } from "../testing/steady-writing.ts";
import { createPartitions } from "./create-partitions.ts";
import { purge } from "./purge.ts";
import type { TableReport } from "./purge-report.ts";

/**
 * Thirty days of writing and purging, over a leap day and a month's end: nothing is ever late by more than one run, the
 * receipts say what went, and no table grows. As in production, partitions are made daily, and dead rows are vacuumed:
 * daily here, as autovacuum would have done by then. The purge runs hourly on the leap day, and once a day on the others:
 * a run takes half a second, and 720 of them too long.
 */

const HOUR_MS = 3_600_000;
const START = Date.parse("2028-02-10T00:00:00Z");
const DAYS = 30;
const HOURLY = [20];
const OTHERWISE = 24;

/** Runs write receipts themselves, 46 each, and keep them for seven years: that table is not in its steady state. */
const tables = declaredTables().filter(({ table }) => table !== "purge_receipts");
const iso = (ms: number) => new Date(ms).toISOString();

type Counts = Record<string, number>;

/** One session of a role for all statements, each a transaction of its own: straight, as there are tens of thousands. */
async function straightSql(url: string): Promise<Sql> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return { query: async (text, params) => (await client.query(text, params)).rows };
}

class Simulation {
  readonly #database: ScratchDatabase;
  readonly #writing: SteadyWriting;
  readonly #purging: Sql;
  readonly #jobs: Sql;
  /** What all runs together say that they deleted, and what was written. */
  readonly deleted: Counts = {};
  readonly written: Counts = {};
  #now = START;

  constructor(database: ScratchDatabase, writing: SteadyWriting, purging: Sql, jobs: Sql) {
    this.#database = database;
    this.#writing = writing;
    this.#purging = purging;
    this.#jobs = jobs;
  }

  /** Lets so many hours pass, in which rows are written, and purges. */
  async pass(hours: number): Promise<TableReport[]> {
    const since = this.#now;
    this.#now += hours * HOUR_MS;
    await this.#database.stopClock(this.#now);
    const clock = { now: () => this.#now };
    if (this.#now % (24 * HOUR_MS) === 0) await createPartitions({ jobs: this.#jobs, clock, logger: silentLogger });
    const written = await this.#writing.write(iso(since), iso(this.#now));
    for (const [table, rows] of Object.entries(written)) this.written[table] = (this.written[table] ?? 0) + rows;
    const deps = { purge: this.#purging, clock, logger: silentLogger, random: () => 0.5, pause: async () => {} };
    const report = await purge(deps);
    for (const { table, deleted } of report.tables) this.deleted[table] = (this.deleted[table] ?? 0) + deleted;
    return report.tables;
  }

  async rows(): Promise<Counts> {
    const rows = await this.#database
      .as("owner")
      .query(
        tables
          .map(({ table }) => `select '${table}' as table, count(*)::int as value from ${table}`)
          .join(" union all "),
      );
    return Object.fromEntries(rows.map((row) => [row["table"] as string, row["value"] as number]));
  }

  /** Bytes of each table with its indexes and partitions, after a plain VACUUM. */
  async bytes(): Promise<Counts> {
    await this.#database.as("owner").query(
      `vacuum ${tables
        .filter(isState)
        .map(({ table }) => table)
        .join(", ")}`,
    );
    const rows = await this.#database.as("owner").query(
      `select r.relname as table, sum(pg_total_relation_size(t.relid))::bigint as bytes
         from pg_class r, pg_partition_tree(r.oid) t where r.relname = any ($1) group by 1`,
      [`{${tables.map(({ table }) => table).join(",")}}`],
    );
    return Object.fromEntries(rows.map((row) => [row["table"] as string, Number(row["bytes"])]));
  }
}

const isState = ({ layout }: DeclaredTable) => layout.kind === "state";

/** Tables of which there is more, or less, by over a tenth. */
function notFlat(before: Counts, after: Counts): string[] {
  return Object.entries(before).flatMap(([table, first]) => {
    const last = after[table] ?? 0;
    return Math.abs(last - first) <= first / 10 ? [] : [`${table}: ${first}, then ${last}`];
  });
}

it("nothing is late by more than one run, receipts say what went, and no table grows", async () => {
  const database = await scratchForTest();
  await dropPartitions(database);
  await database.stopClock(START);
  const writing = await steadyWriting(database);
  const [purging, jobs] = [await straightSql(database.url("purge")), await straightSql(database.url("jobs"))];
  const simulation = new Simulation(database, writing, purging, jobs);
  await createPartitions({ jobs, clock: { now: () => START }, logger: silentLogger });
  await writing.fill(iso(START));
  const ledger = ledgerOf(database);
  const atFirst = await simulation.rows();
  let steady = { rows: atFirst, bytes: await simulation.bytes() };
  for (let day = 1; day <= DAYS; day += 1) {
    const every = HOURLY.includes(day) ? 1 : OTHERWISE;
    for (let hour = every; hour <= 24; hour += every) {
      const reports = await simulation.pass(every);
      const late = reports.filter(({ overdueBeforeMs }) => (overdueBeforeMs ?? Infinity) > every * HOUR_MS);
      const wrong = reports.filter(
        ({ errors, blocked, finished, receipt, overdueAfterMs }) =>
          errors.length + blocked + (overdueAfterMs ?? 1) > 0 || !finished || !receipt,
      );
      expect({ day, hour, late, wrong }).toEqual({ day, hour, late: [], wrong: [] });
    }
    const today = { rows: await simulation.rows(), bytes: await simulation.bytes() };
    // On the first day rows were deleted for the first time, and left room behind.
    if (day === 1) steady = today;
    const grown = { rows: notFlat(steady.rows, today.rows), bytes: notFlat(steady.bytes, today.bytes) };
    expect({ day, ...grown }).toEqual({ day, rows: [], bytes: [] });
    if (day === DAYS - 2) await ledger.remember();
  }
  const left = await simulation.rows();
  const gone = Object.fromEntries(
    Object.entries(atFirst).map(([table, rows]) => [
      table,
      rows + (simulation.written[table] ?? 0) - (left[table] ?? 0),
    ]),
  );
  expect(simulation.deleted).toMatchObject(gone);
  expect(await receipts(database)).toMatchObject(gone);
  // Something of every table has come to its end.
  expect(Object.entries(gone).filter(([, rows]) => rows === 0)).toEqual([]);
  await checkInvariants(database, { ledger });
}, 600_000);

/** Those of the day on which the tests run. */
async function dropPartitions(database: ScratchDatabase): Promise<void> {
  await database.as("superuser").query(`do $$ declare old regclass; begin
    for old in select oid from pg_class where relispartition and relkind = 'r' loop execute format('drop table %s', old);
    end loop; end $$`);
}

/** How many rows the receipts say were deleted in all, by table; they may tell of none that was late by more than a run. */
async function receipts(database: ScratchDatabase): Promise<Counts> {
  const rows = await database.as("owner").query(`
    select substr(table_name, 8) as table, sum((receipt::jsonb ->> 'deleted')::int)::int as deleted,
           max((receipt::jsonb ->> 'overdue_before_s')::int) as overdue
      from purge_receipts group by 1`);
  expect(rows.filter((row) => (row["overdue"] as number) > OTHERWISE * 3_600)).toEqual([]);
  return Object.fromEntries(rows.map((row) => [row["table"] as string, row["deleted"] as number]));
}
