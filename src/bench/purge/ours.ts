import { setTimeout as delay } from "node:timers/promises";
import { silentLogger } from "../../core/log.ts";
import { sqlStateOf } from "../../core/sql-state.ts";
import { httpSql, type Sql } from "../../db/connect.ts";
import { createPartitions } from "../../jobs/create-partitions.ts";
import { purge } from "../../jobs/purge.ts";
import { StartFailure } from "../../local/failure.ts";
import type { StageDatabase } from "./stage.ts";
import type { Expired } from "./subject.ts";
import { now } from "./traffic-job.ts";

/** All that this bench calls of the product: its jobs, as the roles that they have in production, at a time that we set. */

const LOCK_NOT_AVAILABLE = "55P03";

export const OUR_TABLES = { pings: "public.pings", executions: "public.tool_executions" } as const;
const UNITS = { pings: "day", executions: "month" } as const;

/** Partitions for rows of the bench that expire between these instants, where the product's own job makes none. */
export async function makeOurPartitions(
  database: StageDatabase,
  shape: keyof typeof OUR_TABLES,
  sinceMs: number,
  untilMs: number,
): Promise<void> {
  await httpSql(database.url("jobs")).query("select ebb.create_partitions($1, $2, $3, $4)", [
    OUR_TABLES[shape],
    UNITS[shape],
    new Date(sinceMs).toISOString(),
    new Date(untilMs).toISOString(),
  ]);
}

/** The job that makes partitions ahead of need. */
export async function runOurPartitions(database: StageDatabase, nowMs: number): Promise<void> {
  await createPartitions({ jobs: httpSql(database.url("jobs")), clock: { now: () => nowMs }, logger: silentLogger });
}

export interface OurRun {
  /** What became of each of the two tables that have rows here. */
  tables: Record<keyof typeof OUR_TABLES, Expired>;
  /** The whole run, over every table of the product. */
  seconds: number;
}

/**
 * The purge job. It goes over every table; what one of them costs is the time of the statements that name it, each over
 * the Neon endpoint's HTTP as in production. Throws a StartFailure where a table has failed.
 */
export async function runOurPurge(database: StageDatabase, nowMs: number): Promise<OurRun> {
  const statements: Statement[] = [];
  const sql = timed(httpSql(database.url("purge")), statements);
  const begin = now();
  const report = await purge({
    purge: sql,
    clock: { now: () => nowMs },
    logger: silentLogger,
    random: Math.random,
    pause: async (ms) => void (await delay(ms)),
  });
  const seconds = (now() - begin) / 1_000;
  for (const { table, errors, finished, receipt, blocked } of report.tables) {
    if (errors.length > 0 || !finished || !receipt) {
      throw new StartFailure(`The purge failed for ${table}: ${errors.join(", ") || "it did not finish"}.`);
    }
    if (blocked > 0) throw new StartFailure(`The purge left ${blocked} rows in ${table}.`);
  }
  const of = (table: string): Expired => {
    const own = statements.filter(({ text }) => new RegExp(`\\b${table}\\b`).test(text));
    // Receipts come at the run's end, long after the table's rows have gone.
    const working = own.filter(({ text }) => !/progress_of|record_receipt/.test(text));
    return {
      deleted: report.tables.find((each) => each.table === table)?.deleted ?? 0,
      seconds: own.reduce((sum, { from, to }) => sum + to - from, 0) / 1_000,
      from: Math.min(...working.map(({ from }) => from)),
      to: Math.max(...working.map(({ to }) => to)),
      retries: own.filter(({ sqlState }) => sqlState === LOCK_NOT_AVAILABLE).length,
    };
  };
  return { tables: { pings: of("pings"), executions: of("tool_executions") }, seconds };
}

interface Statement {
  /** With its parameters. */
  text: string;
  from: number;
  to: number;
  sqlState: string | null;
}

function timed(sql: Sql, statements: Statement[]): Sql {
  return {
    async query(text, params = [], patienceMs) {
      const statement: Statement = { text: `${text} ${JSON.stringify(params)}`, from: now(), to: 0, sqlState: null };
      statements.push(statement);
      try {
        return await sql.query(text, params, patienceMs);
      } catch (error) {
        statement.sqlState = sqlStateOf(error) ?? null;
        throw error;
      } finally {
        statement.to = now();
      }
    },
  };
}
