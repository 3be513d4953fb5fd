import { errorFields } from "../core/log.ts";
import { sqlStateOf } from "../core/sql-state.ts";
import type { Deps } from "../deps.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { isPurgedByRow } from "../privacy/policies.ts";
import { purgeRows } from "./purge-rows.ts";

/** How often a partition's DROP tries for its lock, 50 ms each time. */
const LOCK_ATTEMPTS = 20;
const LOCK_NOT_AVAILABLE = "55P03";

export interface TableReport {
  table: string;
  /** Rows deleted, those of dropped partitions included. */
  deleted: number;
  /** Expired rows that another row still refers to; the next run takes them. */
  blocked: number;
  partitions: { name: string; rows: number }[];
  /** Class of the error that ended this table's part, if one did. */
  error: string | null;
}

export interface PurgeReport {
  startedAtMs: number;
  finishedAtMs: number;
  tables: TableReport[];
}

/**
 * Deletes what has expired by the database's clock, and nothing else: whole partitions where a class expires by the day,
 * rows in bounded batches elsewhere. Each batch commits for itself, so a run that is killed loses nothing and the next
 * one goes on. A table that fails is reported and stops no other. Postgres refuses whatever has not expired.
 */
export async function purge(deps: Pick<Deps, "purge" | "clock" | "logger">): Promise<PurgeReport> {
  const startedAtMs = deps.clock.now();
  const tables: TableReport[] = [];
  // Children first: rows refer to their parents, never the other way.
  for (const table of declaredTables().reverse()) tables.push(await purgeTable(deps, table));
  const report = { startedAtMs, finishedAtMs: deps.clock.now(), tables };
  const failed = tables.filter((table) => table.error !== null);
  for (const { table, deleted, blocked, partitions, error } of tables) {
    if (deleted + blocked + partitions.length === 0 && error === null) continue;
    deps.logger.log(error === null ? "info" : "error", "purged", {
      table,
      rows: deleted,
      count: partitions.length,
      ...(error !== null && { errorName: error }),
    });
  }
  if (failed.length === tables.length) throw new Error("purge failed for every table");
  return report;
}

async function purgeTable(deps: Pick<Deps, "purge">, table: DeclaredTable): Promise<TableReport> {
  const report: TableReport = { table: table.table, deleted: 0, blocked: 0, partitions: [], error: null };
  try {
    if (table.layout.kind === "partitioned") await dropPartitions(deps, table.table, report);
    if (isPurgedByRow(table)) await purgeRows(deps.purge, table, report);
  } catch (error) {
    const { errorName, sqlState } = errorFields(error);
    report.error = sqlState ?? errorName ?? "unknown";
  }
  return report;
}

async function dropPartitions(deps: Pick<Deps, "purge">, table: string, report: TableReport): Promise<void> {
  for (let attempt = 1; ; ) {
    try {
      const [dropped] = await deps.purge.query("select partition, rows from ebb.drop_expired_partition($1)", [
        `public.${table}`,
      ]);
      if (dropped === undefined) return;
      const rows = Number(dropped["rows"]);
      report.partitions.push({ name: dropped["partition"] as string, rows });
      report.deleted += rows;
      attempt = 1;
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || attempt === LOCK_ATTEMPTS) throw error;
      attempt += 1;
    }
  }
}
