import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { lockWaitsSince } from "./lock-waits.ts";
import { type Filling, fillTable, insertStatement, instantOfRun, readStatement, writeDue } from "./rows.ts";
import { emptySeries, type Ran, type Series } from "./series.ts";
import { instant, type PurgeStage, type StageDatabase } from "./stage.ts";
import { KEEPING, type Keeping } from "./subject.ts";
import { DUE_RUNS, EXPIRING, NAMES, SHAPES, type Subject, TENANTS } from "./terms.ts";
import type { Traffic } from "./traffic.ts";

/** Part of `--seconds` for which the traffic runs before a purge does. */
const QUIET_SHARE = 1 / 10;
const PAUSE_MS = 1;
/** While the locks are watched: looks are to be frequent. */
const WATCHED_PAUSE_MS = 50;

/** One table in a database of its own. */
export interface Place {
  filling: Filling;
  keeping: Keeping;
  database: StageDatabase;
  series: Series;
  /** Rows that are to be there. */
  rows: number;
  run: number;
}

/** Makes the table of a subject and fills it with so many rows. */
export async function makePlace(
  stage: PurgeStage,
  subject: Subject,
  rows: number,
  { startMs, allRuns }: { startMs: number; allRuns: number },
): Promise<Place> {
  const keeping = KEEPING[subject];
  const filling: Filling = { table: keeping.table, shape: SHAPES[subject], startMs };
  const database = await stage.database(`ebb_${subject.replace("-", "_")}_${rows}`);
  await keeping.make(database, startMs, allRuns + DUE_RUNS);
  await database.setClock(startMs);
  await fillTable(database, filling, { rows, dueRuns: DUE_RUNS, allRuns: allRuns + DUE_RUNS });
  await database.query(`vacuum analyze ${keeping.table}`);
  return { filling, keeping, database, series: emptySeries(subject, rows), rows, run: 0 };
}

/** Expires what is due at the next instant. Throws a StartFailure unless exactly that is gone afterwards. */
export async function runOnce(
  stage: PurgeStage,
  traffic: Traffic,
  { seconds, signal }: BenchContext,
  place: Place,
  { watch = false, openMs }: { watch?: boolean; openMs?: number },
): Promise<Ran> {
  const { database, filling, keeping, series } = place;
  const atMs = instantOfRun(filling, place.run);
  await keeping.prepare(database, atMs);
  const leaves = await dueLeaves(place, atMs);
  const logged = (await stat(stage.logFile)).size;
  await traffic.start({
    connectionString: database.url("superuser"),
    tenants: TENANTS.map(({ id }) => id),
    read: readStatement(filling),
    insert: insertStatement(filling),
    pauseMs: watch ? WATCHED_PAUSE_MS : PAUSE_MS,
    openMs: openMs ?? null,
    watch: watch ? filling.table : null,
  });
  await delay(seconds * QUIET_SHARE * 1_000, undefined, { signal });
  await database.setClock(atMs);
  const expired = await keeping.expire(database, atMs);
  const result = await traffic.stop();
  const waits = await lockWaitsSince(stage.logFile, logged);
  if (expired.deleted !== EXPIRING) {
    throw new StartFailure(
      `${NAMES[series.subject]}: ${expired.deleted} rows were deleted, but ${EXPIRING} had expired.`,
    );
  }
  place.rows += result.inserts.length - EXPIRING;
  await assertRows(place, atMs);
  // No run meets the dead rows of the one before.
  const vacuumSeconds = await vacuum(database, leaves);
  await writeDue(database, filling, place.run + DUE_RUNS);
  for (const leaf of await existing(database, leaves)) await database.query(`analyze ${leaf}`);
  place.rows += EXPIRING;
  place.run += 1;
  series.ran += 1;
  return { expired, traffic: result, longestWaitMs: Math.max(0, ...waits.map(({ ms }) => ms)), vacuumSeconds };
}

/** The table or the partitions in which something is due. */
async function dueLeaves({ database, keeping }: Place, atMs: number): Promise<string[]> {
  const rows = await database.query<{ leaf: string }>(
    `select distinct tableoid::regclass::text as leaf from ${keeping.table} where expires_at <= $1`,
    [instant(atMs)],
  );
  return rows.map(({ leaf }) => leaf);
}

/** Of those that are still there; with all of the indexes, which VACUUM would put off while little is dead. */
async function vacuum(database: StageDatabase, leaves: readonly string[]): Promise<number> {
  const there = await existing(database, leaves);
  const begin = performance.now();
  for (const leaf of there) await database.query(`vacuum (index_cleanup on) ${leaf}`);
  return there.length === 0 ? 0 : (performance.now() - begin) / 1_000;
}

async function existing(database: StageDatabase, leaves: readonly string[]): Promise<string[]> {
  const rows = await database.query<{ leaf: string }>(
    "select leaf from unnest($1::text[]) as leaf where to_regclass(leaf) is not null",
    [leaves],
  );
  return rows.map(({ leaf }) => leaf);
}

async function assertRows({ database, keeping, series, rows }: Place, atMs: number): Promise<void> {
  const [counted] = await database.query<{ rows: number; due: number }>(
    `select count(*)::int as rows, (count(*) filter (where expires_at <= $1))::int as due from ${keeping.table}`,
    [instant(atMs)],
  );
  if (counted?.rows !== rows || counted.due !== 0) {
    throw new StartFailure(
      `${NAMES[series.subject]}: ${counted?.rows} rows are left, ${counted?.due} of them expired, where ${rows} and none should be.`,
    );
  }
}
