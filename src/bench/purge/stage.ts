import { Pool } from "pg";
import type { BenchContext } from "../bench.ts";
import { startBenchDatabase } from "../database.ts";

/** A database of its own: the tables of the product, none of its rows, and a clock that stands where it is set. */
export interface StageDatabase {
  url(login: "superuser" | "purge" | "jobs"): string;
  /** As superuser, past the Neon endpoint: what the bench itself asks is not held back by a policy. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** The same for a statement that changes rows: how many. */
  change(text: string, values?: unknown[]): Promise<number>;
  /** The same on a session in which no trigger runs: for rows in bulk, some of which no tenant can have written yet. */
  fill(text: string, values?: unknown[]): Promise<number>;
  setClock(atMs: number): Promise<void>;
}

export interface PurgeStage {
  database(name: string): Promise<StageDatabase>;
  /** What PostgreSQL logs. */
  logFile: string;
}

/**
 * The clock in place of `ebb.clock()`, which is all that differs from the product: owned by a superuser, so that no role
 * of the product can move it.
 */
const CLOCK = `
create schema ebb_bench;
create table ebb_bench.clock (at timestamptz not null);
insert into ebb_bench.clock values (pg_catalog.now());
create function ebb_bench.now() returns timestamptz language sql stable parallel safe security definer set search_path = ''
  return (select at from ebb_bench.clock);
grant usage on schema ebb_bench to public;
grant execute on function ebb_bench.now() to public;
create or replace function ebb.clock() returns timestamptz language sql stable parallel safe return ebb_bench.now();
create schema bench;`;

const TEMPLATE = "ebb";

/** Starts PostgreSQL and migrates the product's schema, of which each subject then gets a copy of its own. */
export async function startPurgeStage(context: BenchContext): Promise<PurgeStage> {
  const { folder, signal, undo, say } = context;
  say("Starting the database …");
  const database = await startBenchDatabase(context);
  const admin = new Pool({ connectionString: database.superuserUrl("postgres"), max: 1 });
  const pools = [admin];
  admin.on("error", () => undefined);
  undo(async () => {
    // Whatever still runs after Ctrl-C is not waited for.
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname ^@ 'ebb'");
    await Promise.all(pools.map((pool) => pool.end()));
  });
  await database.query(CLOCK);

  return {
    logFile: `${folder}/postgres.log`,
    async database(name) {
      signal.throwIfAborted();
      // A database can be copied only while it has no sessions, and a copy has its owner's privileges anew.
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${TEMPLATE}'`);
      await admin.query(`create database ${name} template ${TEMPLATE} owner ebb_owner`);
      await admin.query(`revoke temporary on database ${name} from public`);
      const open = (options?: string) => {
        const pool = new Pool({ connectionString: database.superuserUrl(name), max: 1, ...(options && { options }) });
        pool.on("error", () => undefined);
        pools.push(pool);
        return async <Row extends object>(text: string, values: unknown[] = []) => {
          signal.throwIfAborted();
          return await pool.query<Row & Record<string, unknown>>(text, values);
        };
      };
      const plain = open();
      const filling = open("-c session_replication_role=replica");
      const query: StageDatabase["query"] = async (text, values) => (await plain(text, values)).rows as never;
      return {
        url(login) {
          const url = new URL(login === "superuser" ? database.superuserUrl(name) : database.urls[login]);
          url.pathname = `/${name}`;
          return url.toString();
        },
        query,
        change: async (text, values) => (await plain(text, values)).rowCount ?? 0,
        fill: async (text, values) => (await filling(text, values)).rowCount ?? 0,
        setClock: async (atMs) => void (await query("update ebb_bench.clock set at = $1", [instant(atMs)])),
      };
    },
  };
}

/** As Postgres reads it. */
export function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
