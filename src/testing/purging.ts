import { silentLogger } from "../core/log.ts";
import type { Sql } from "../db/connect.ts";
import { purge } from "../jobs/purge.ts";
import type { PurgeReport, TableReport } from "../jobs/purge-report.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { enteredTransaction, type Query } from "./app-session.ts";
import type { ScratchDatabase } from "./scratch-database.ts";
import type { TestTenant } from "./world.ts";

/** What tests of the purge share: a run, what the purge sees, and verbs of the platform owner. */

/** A run; before it the gates of tenants whose time has come are said to be empty, as the hourly job has them do. */
export async function runPurge(
  database: Pick<ScratchDatabase, "as">,
  nowMs: number,
  limits: { ms?: number; statements?: number } = {},
  sql: Sql = database.as("purge"),
): Promise<PurgeReport> {
  const deps = { clock: { now: () => nowMs }, logger: silentLogger, random: () => 0.5, pause: async () => {} };
  await database.as("jobs").query("select ebb.gate_emptied(tenant) from ebb.gates_to_empty(1000)");
  return await purge({ purge: sql, ...deps }, limits);
}

export function reportOf(report: PurgeReport, table: string): TableReport {
  const found = report.tables.find((candidate) => candidate.table === table);
  if (found === undefined) throw new RangeError(table);
  return found;
}

/** Tables of a run with errors, blocked rows or work left: nothing, where all went well. */
export function troubles({ tables }: PurgeReport) {
  return tables
    .filter(({ errors, blocked, finished, receipt }) => errors.length > 0 || blocked > 0 || !finished || !receipt)
    .map(({ table, errors, blocked, finished }) => ({ table, errors, blocked, finished }));
}

/** A row by its table and key, as text. */
export const keyText = (table: string) => {
  const declared = declaredTables().find((candidate) => candidate.table === table);
  if (declared === undefined) throw new RangeError(table);
  return `'${table} ' || jsonb_build_array(${declared.key.join(", ")})::text`;
};

/** The rows of every table that a role finds, by table and key, sorted. */
export async function rowsSeenBy(database: Pick<ScratchDatabase, "as">, role: "owner" | "purge"): Promise<string[]> {
  const parts = declaredTables().map(({ table }) => `select ${keyText(table)} as row from public.${table}`);
  const rows = await database.as(role).query(parts.join(" union all "));
  return rows.map(({ row }) => row as string).sort();
}

/** One committed transaction as `ebb_app` of whoever holds this tenant's key, in their tenant or in a target. */
export async function actAs<T>(
  database: ScratchDatabase,
  { apiKey }: Pick<TestTenant, "apiKey">,
  target: string | null,
  fn: (query: Query) => Promise<T>,
): Promise<T> {
  return await enteredTransaction(database, apiKey, target, async (query) => {
    const result = await fn(query);
    await query("commit");
    return result;
  });
}

/** Resolves when some session waits for a lock: what it asks for has been asked. */
export async function untilSomebodyWaits(database: Pick<ScratchDatabase, "as">, locktype: string): Promise<void> {
  const waiting = () =>
    database
      .as("superuser")
      .query(
        "select from pg_locks where not granted and locktype = $1 and coalesce(database, (select oid from pg_database where datname = current_database())) = (select oid from pg_database where datname = current_database())",
        [locktype],
      );
  while ((await waiting()).length === 0);
}
