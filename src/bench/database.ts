import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { StartFailure } from "../local/failure.ts";
import { type NeonEndpoint, startNeonEndpoint } from "../local/neon-endpoint.ts";
import { startPostgres } from "../local/postgres.ts";
import { type DatabaseUrls, prepareDatabase } from "../local/prepare.ts";
import { type LocalSecrets, makeLocalSecrets } from "../local/secrets.ts";
import { workerBindings } from "../local/worker-bindings.ts";
import type { BenchContext } from "./bench.ts";

export interface BenchDatabase {
  neon: NeonEndpoint;
  urls: DatabaseUrls;
  secrets: LocalSecrets;
  /** The superuser's connection string, of any database of this PostgreSQL. */
  superuserUrl(database?: string): string;
  /** Past the Neon endpoint, as superuser: what the bench itself asks is not counted and not held back by a policy. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** The issuer of the tokens; nothing looks it up. */
export const PUBLIC_URL = "https://bench.ebb.test";

const DATABASE = "ebb";

/** A throw-away PostgreSQL with the tables of the product behind a Neon endpoint that counts statements. */
export async function startBenchDatabase(context: BenchContext): Promise<BenchDatabase> {
  const { folder, signal, undo } = context;
  const postgres = await startPostgres({
    // Not below the data folder, which the account that PostgreSQL runs under may be unable to reach.
    dataDir: join(tmpdir(), `ebb-bench-${randomBytes(6).toString("hex")}`),
    logFile: join(folder, "postgres.log"),
    throwaway: true,
    signal,
  });
  undo(() => postgres.stop());
  const neon = await startNeonEndpoint({ postgresPort: postgres.port });
  undo(() => neon.stop());
  signal.throwIfAborted();
  const secrets = await makeLocalSecrets();
  const { urls } = await prepareDatabase({ superuserUrl: postgres.superuserUrl(), neon, secrets, database: DATABASE });
  const pool = new Pool({ connectionString: postgres.superuserUrl(DATABASE), max: 2 });
  pool.on("error", () => undefined);
  undo(() => pool.end());
  return {
    neon,
    urls,
    secrets,
    superuserUrl: (database = DATABASE) => postgres.superuserUrl(database),
    query: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await pool.query<Row & Record<string, unknown>>(text, values)).rows,
  };
}

/** What the Worker is bound to, as `wrangler secret` would give it. */
export function workerText({ urls, secrets, neon }: BenchDatabase): Record<string, string> {
  return workerBindings(urls, secrets, neon, PUBLIC_URL);
}

const ARRIVAL_MS = 90_000;

/**
 * Waits until every journal has drained and exactly `expected` pings are stored in all. Throws a StartFailure when they
 * do not come, or when there are more than were acknowledged.
 */
export async function untilArrived(database: BenchDatabase, expected: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + ARRIVAL_MS;
  for (;;) {
    const [row] = await database.query<{ stored: number; pending: number }>(
      `select (select count(*) from pings)::int as stored,
              (select coalesce(sum(pending), 0) from gate_heartbeats)::int as pending`,
    );
    const { stored = 0, pending = 0 } = row ?? {};
    if (stored === expected && pending === 0) return;
    if (stored > expected || performance.now() > deadline) {
      throw new StartFailure(`${expected} pings were acknowledged, but ${stored} rows are in Postgres.`);
    }
    await delay(100, undefined, { signal });
  }
}
