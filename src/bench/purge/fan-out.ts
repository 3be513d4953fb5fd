import { declaredTables } from "../../privacy/inventory.ts";
import type { BenchContext } from "../bench.ts";
import { median, type Spread, spread } from "../statistics.ts";
import { number } from "../table.ts";
import { runOurPartitions } from "./ours.ts";
import { instant, type PurgeStage, type StageDatabase } from "./stage.ts";
import { TENANTS } from "./terms.ts";

export const UNITS = ["day", "month", "quarter"] as const;
export type Unit = (typeof UNITS)[number];

const ROWS = 200_000;
/** What is read: a tenant's last hundredth of all time, a page of it, the newest first. */
const PART = 100;
const PAGE = 50;
/** Queries of each kind in one run, of which the median counts. */
const REPEATS = 20;

/** In ms: what Postgres says that it planned and executed, and what the client waited for a query of its own. */
export interface ReadCost {
  planning: Spread;
  execution: Spread;
  client: Spread;
}

export interface FanOut {
  unit: Unit;
  partitions: number;
  /** Over all partitions; with the instants between which the rows expire said too; on one table with the same rows. */
  all: ReadCost;
  bounded: ReadCost;
  single: ReadCost;
  /** The client's time over that on one table, run by run. */
  ratio: Spread;
  boundedRatio: Spread;
}

/**
 * A query by tenant and time of recording, which says nothing of expiry, goes into every partition there is. Of each
 * granularity as many are made as the longest window in the product takes, ahead of need as far as its own job goes.
 */
export async function measureFanOut(
  stage: PurgeStage,
  { runs, say }: BenchContext,
  startMs: number,
): Promise<FanOut[]> {
  say("Reading over partitions …");
  const database = await stage.database("ebb_fan_out");
  await database.setClock(startMs);
  await runOurPartitions(database, startMs);
  const subjects: { unit: Unit; partitions: number; reads: Record<Read, ReadTexts> }[] = [];
  for (const unit of UNITS) subjects.push(await makeTables(database, unit, startMs));
  const measured = subjects.map(() => ({ all: [], bounded: [], single: [] }) as Record<Read, Timed[]>);
  for (let run = 0; run <= runs; run++) {
    for (const [index, { reads }] of subjects.entries()) {
      for (const read of READS) {
        const timed = await timeReads(database, reads[read]);
        // The first warms up.
        if (run > 0) measured[index]?.[read].push(timed);
      }
    }
  }
  say(
    `Read over ${subjects.map(({ unit, partitions }) => `${number(partitions)} partitions by the ${unit}`).join(", ")}.`,
  );
  return subjects.map(({ unit, partitions }, index) => {
    const of = measured[index] as Record<Read, Timed[]>;
    const over = (read: Read) => spread(of[read].map(({ client }, run) => client / (of.single[run] as Timed).client));
    const costs = { all: costOf(of.all), bounded: costOf(of.bounded), single: costOf(of.single) };
    return { unit, partitions, ...costs, ratio: over("all"), boundedRatio: over("bounded") };
  });
}

const READS = ["all", "bounded", "single"] as const;
type Read = (typeof READS)[number];
type ReadTexts = readonly string[];
interface Timed {
  planning: number;
  execution: number;
  client: number;
}

function costOf(timed: readonly Timed[]): ReadCost {
  const of = (figure: keyof Timed) => spread(timed.map((each) => each[figure]));
  return { planning: of("planning"), execution: of("execution"), client: of("client") };
}

async function makeTables(database: StageDatabase, unit: Unit, startMs: number) {
  const untilMs = await farthestPartition(database, unit);
  const [split, single] = [`bench.split_by_${unit}`, `bench.single_${unit}`];
  const columns = "like public.tool_executions, primary key (tenant_id, id, expires_at)";
  await database.query(`create table ${split} (${columns}) partition by range (expires_at)`);
  await database.query(`create table ${single} (${columns})`);
  const starts = boundsOf(unit, startMs, untilMs);
  for (const [index, from] of starts.slice(0, -1).entries()) {
    const to = starts[index + 1] as number;
    await database.query(
      `create table ${split}_${index} partition of ${split} for values from ('${instant(from)}') to ('${instant(to)}')`,
    );
  }
  await database.fill(
    `insert into ${split} (id, tenant_id, instance_id, person_id, tool, status, duration_ms, recorded_at, expires_at)
     select gen_random_uuid(), ($1::uuid[])[n % ${TENANTS.length} + 1], gen_random_uuid(), gen_random_uuid(), 'http-proxy', 'succeeded', 120,
            at - ($3::timestamptz - $2::timestamptz), at
       from generate_series(1, ${ROWS}) as n, lateral (select $2::timestamptz + ($3::timestamptz - $2::timestamptz) * ((n - 0.5) / ${ROWS}) as at) as due`,
    [TENANTS.map(({ id }) => id), instant(startMs), instant(untilMs)],
  );
  await database.fill(`insert into ${single} select * from ${split}`);
  for (const table of [split, single]) {
    // What such a query wants, and the best that one table can do.
    await database.query(`create index on ${table} (tenant_id, recorded_at)`);
    await database.query(`vacuum analyze ${table}`);
  }
  const window = untilMs - startMs;
  const since = startMs - window / PART;
  const texts = (table: string, more = "") =>
    TENANTS.slice(0, REPEATS).map(
      ({ id }) =>
        `select id, tool, status, duration_ms, recorded_at from ${table} where tenant_id = '${id}' and recorded_at >= '${instant(since)}' and recorded_at < '${instant(startMs)}'${more} order by recorded_at desc limit ${PAGE}`,
    );
  const bounds = ` and expires_at >= '${instant(since + window)}' and expires_at < '${instant(untilMs)}'`;
  const reads = { all: texts(split), bounded: texts(split, bounds), single: texts(single) };
  return { unit, partitions: starts.length - 1, reads };
}

/** The end of the last partition that the product's own job has made, among the tables of this granularity. */
async function farthestPartition(database: StageDatabase, unit: Unit): Promise<number> {
  const tables = declaredTables().flatMap(({ table, layout }) =>
    layout.kind === "partitioned" && layout.by === unit ? [`public.${table}`] : [],
  );
  const [row] = await database.query<{ until: Date }>(
    "select max(p.upper_bound) as until from unnest($1::text[]) as t (name), lateral ebb.partitions(t.name::regclass) as p",
    [tables],
  );
  return (row?.until ?? new Date(0)).getTime();
}

/** The begins of the days, months or quarters from the one in which time begins, and the end of the last. */
export function boundsOf(unit: Unit, startMs: number, untilMs: number): number[] {
  const start = new Date(startMs);
  const months = { day: 0, month: 1, quarter: 3 }[unit];
  const days = unit === "day" ? 1 : 0;
  const firstMonth = start.getUTCMonth() - (months === 0 ? 0 : start.getUTCMonth() % months);
  const firstDay = unit === "day" ? start.getUTCDate() : 1;
  const bounds: number[] = [];
  for (let n = 0; ; n++) {
    const bound = Date.UTC(start.getUTCFullYear(), firstMonth + n * months, firstDay + n * days);
    bounds.push(bound);
    if (bound >= untilMs) return bounds;
  }
}

async function timeReads(database: StageDatabase, texts: readonly string[]): Promise<Timed> {
  const timed: Timed[] = [];
  for (const text of texts) {
    const begin = performance.now();
    await database.query(text);
    const client = performance.now() - begin;
    const [row] = await database.query<{ "QUERY PLAN": Plan[] }>(
      `explain (analyze, summary, timing off, format json) ${text}`,
    );
    const plan = row?.["QUERY PLAN"][0];
    timed.push({ client, planning: plan?.["Planning Time"] ?? 0, execution: plan?.["Execution Time"] ?? 0 });
  }
  const middle = (figure: keyof Timed) => median(timed.map((each) => each[figure]));
  return { planning: middle("planning"), execution: middle("execution"), client: middle("client") };
}

interface Plan {
  "Planning Time": number;
  "Execution Time": number;
}
