import { DAY_MS } from "../../core/clock.ts";
import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { number } from "../table.ts";
import { OUR_TABLES, runOurPurge } from "./ours.ts";
import { DELETE_DUE, deleteOfTenants, makePartitioned, makePlain } from "./peers.ts";
import { writeSteadily } from "./rows.ts";
import { instant, type PurgeStage, type StageDatabase } from "./stage.ts";
import { KEEPING } from "./subject.ts";
import { LONGEST_WINDOW, type Shape } from "./terms.ts";
import { VacuumRule } from "./vacuum-rule.ts";

export const DAYS = 30;
export const PER_DAY: Record<Shape, number> = { pings: 2_000, executions: 600 };

export const GROWING = ["dropped", "plain-pings", "by-row", "plain", "created"] as const;
export type GrowingTable = (typeof GROWING)[number];

interface Growing {
  table: string;
  shape: Shape;
  /** How rows are deleted; null: the product's job does it, once a day for all of its tables. */
  expire: ((database: StageDatabase, nowMs: number) => Promise<unknown>) | null;
}

const TABLES: Record<GrowingTable, Growing> = {
  dropped: { table: OUR_TABLES.pings, shape: "pings", expire: null },
  "plain-pings": { table: "bench.pings", shape: "pings", expire: plain("bench.pings") },
  "by-row": { table: OUR_TABLES.executions, shape: "executions", expire: null },
  plain: { table: "bench.executions", shape: "executions", expire: plain("bench.executions") },
  created: {
    table: "bench.by_created",
    shape: "executions",
    expire: (database, nowMs) => deleteOfTenants(database, "bench.by_created", nowMs),
  },
};

function plain(table: string): Growing["expire"] {
  return (database, nowMs) => database.change(DELETE_DUE(table), [instant(nowMs)]);
}

/** Size of a table with its partitions and indexes, in bytes, at the begin and after each simulated day; rows in the end. */
export type Growth = Record<GrowingTable, { bytes: number[]; rows: number; vacuums: number }> & {
  /** What the product's job takes that finds nothing to expire in any table. */
  idleSeconds: number;
};

/**
 * Thirty simulated days: each tenant writes as much every day, a purge comes once a day. Tables begin as they are after
 * years of that. Throws a StartFailure when ours has left or taken a row too many.
 */
export async function measureGrowth(stage: PurgeStage, { say }: BenchContext, startMs: number): Promise<Growth> {
  say(`${DAYS} simulated days: ${number(PER_DAY.pings)} pings and ${number(PER_DAY.executions)} executions a day …`);
  const database = await stage.database("ebb_growth");
  await begin(database, startMs);
  const tables = GROWING.map((name) => [name, { bytes: [] as number[], rows: 0, vacuums: 0 }]);
  const growth = { ...Object.fromEntries(tables), idleSeconds: 0 } as Growth;
  const rule = new VacuumRule();
  for (let day = 0; ; day++) {
    for (const name of GROWING) growth[name].bytes.push(await sizeOf(database, TABLES[name].table));
    if (day === DAYS) break;
    const [fromMs, toMs] = [startMs + day * DAY_MS, startMs + (day + 1) * DAY_MS];
    for (const { table, shape } of Object.values(TABLES)) {
      await writeSteadily(database, { table, shape }, { fromMs, toMs, perDay: PER_DAY[shape], unexpiredAtMs: null });
    }
    await database.setClock(toMs);
    await KEEPING.dropped.prepare(database, toMs);
    const before = await countAll(database, toMs);
    await runOurPurge(database, toMs);
    for (const { expire } of Object.values(TABLES)) await expire?.(database, toMs);
    const after = await countAll(database, toMs);
    for (const name of GROWING) {
      if (TABLES[name].expire === null) assertTaken(name, before[name], after[name]);
      growth[name].rows = rowsOf(after[name]);
      growth[name].vacuums += await vacuum(database, rule, before[name], after[name]);
    }
  }
  growth.idleSeconds = (await runOurPurge(database, startMs + DAYS * DAY_MS)).seconds;
  return growth;
}

async function begin(database: StageDatabase, startMs: number): Promise<void> {
  for (const subject of ["dropped", "by-row"] as const) await KEEPING[subject].make(database, startMs, DAYS);
  await makePlain(database, "pings");
  await makePlain(database, "executions");
  await makePartitioned(database, TABLES.created.table, startMs);
  const begun = new Date(startMs);
  const firstMs = Date.UTC(begun.getUTCFullYear(), begun.getUTCMonth() - LONGEST_WINDOW);
  for (const [name, { table, shape }] of Object.entries(TABLES)) {
    const perDay = PER_DAY[shape];
    // Where a partition holds all windows, what the shorter ones have left of it is still there: an empty place.
    const unexpiredAtMs = name === "created" ? null : startMs;
    await writeSteadily(database, { table, shape }, { fromMs: firstMs, toMs: startMs, perDay, unexpiredAtMs });
  }
  await deleteOfTenants(database, TABLES.created.table, startMs);
  for (const { table } of Object.values(TABLES)) await database.query(`vacuum analyze ${table}`);
}

/** Rows by the table or partition that they lie in. */
type Counts = Map<string, { rows: number; due: number }>;

async function countAll(database: StageDatabase, nowMs: number): Promise<Record<GrowingTable, Counts>> {
  const counted: Partial<Record<GrowingTable, Counts>> = {};
  for (const name of GROWING) {
    const rows = await database.query<{ leaf: string; rows: number; due: number }>(
      `select tableoid::regclass::text as leaf, count(*)::int as rows, (count(*) filter (where expires_at <= $1))::int as due
         from ${TABLES[name].table} group by tableoid`,
      [instant(nowMs)],
    );
    counted[name] = new Map(rows.map(({ leaf, ...counts }) => [leaf, counts]));
  }
  return counted as Record<GrowingTable, Counts>;
}

function rowsOf(counts: Counts): number {
  return [...counts.values()].reduce((sum, { rows }) => sum + rows, 0);
}

function assertTaken(name: GrowingTable, before: Counts, after: Counts): void {
  const due = (counts: Counts) => [...counts.values()].reduce((sum, counted) => sum + counted.due, 0);
  const expected = rowsOf(before) - due(before);
  if (rowsOf(after) !== expected || due(after) > 0) {
    throw new StartFailure(
      `${TABLES[name].table}: ${rowsOf(after)} rows are left, ${due(after)} of them expired, where ${expected} and none should be.`,
    );
  }
}

async function vacuum(database: StageDatabase, rule: VacuumRule, before: Counts, after: Counts): Promise<number> {
  for (const [leaf, { rows }] of before) {
    const left = after.get(leaf)?.rows ?? 0;
    if (rows > left) rule.deleted(leaf, rows - left, left);
  }
  let vacuums = 0;
  for (const leaf of rule.due()) {
    const [there] = await database.query<{ there: boolean }>("select to_regclass($1) is not null as there", [leaf]);
    if (!there?.there) continue;
    await database.query(`vacuum analyze ${leaf}`);
    vacuums += 1;
  }
  return vacuums;
}

async function sizeOf(database: StageDatabase, table: string): Promise<number> {
  const [size] = await database.query<{ bytes: string }>(
    `select sum(pg_total_relation_size(relid)) as bytes
       from (select relid from pg_partition_tree($1::regclass) union select $1::regclass) as parts`,
    [table],
  );
  return Number(size?.bytes ?? 0);
}
