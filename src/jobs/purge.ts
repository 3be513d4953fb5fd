import { MINUTE_MS, SECOND_MS } from "../core/clock.ts";
import { errorFields } from "../core/log.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { type PurgeBudget, purgeBudget, sliceOf } from "./purge-budget.ts";
import { recordAbandoned, recordReceipt } from "./purge-receipts.ts";
import type { PurgeDeps, PurgeReport, TableReport } from "./purge-report.ts";
import { TablePurge } from "./purge-table.ts";

/** How often a table is tried in one run. */
const ATTEMPTS = 3;
/**
 * Statements that one table may take before it is the next one's turn, four times as many at each turn: a run has some
 * for every table, and what is left goes on when all have had theirs.
 */
const SLICE = 16;
/** Statements for what earlier runs left to tell, two a table: what is left is told by the next ones. */
const ABANDONED = 100;

interface Work {
  table: DeclaredTable;
  part: TablePurge;
  finished: boolean;
  errors: string[];
}

/**
 * Deletes what is due by the database's clock, anonymises what is to be, and nothing else. Each batch commits for
 * itself, so a run that is killed loses nothing and the next one goes on, however many were missed. A table that fails
 * is tried again after the others, with pauses that grow, is reported, and stops no other. Every table gets a receipt.
 */
export async function purge(deps: PurgeDeps, limits: { ms?: number; statements?: number } = {}): Promise<PurgeReport> {
  const startedAtMs = deps.clock.now();
  const budget = purgeBudget(deps.clock, limits);
  const sql = budget.counting(deps.purge);
  const run = crypto.randomUUID();
  const abandoned = await recordAbandoned(deps, sql, sliceOf(budget, ABANDONED)).catch(() => 0);
  // Children first: rows refer to their parents, never the other way.
  const works = declaredTables()
    .reverse()
    .map((table): Work => {
      const part = new TablePurge(sql, run, `public.${table.table}`, table.layout.kind === "partitioned");
      return { table, part, finished: false, errors: [] };
    });
  for (let pending = works, pass = 1; pending.length > 0 && budget.allows(); pass += 1) {
    for (const work of pending) await attempt(work, sliceOf(budget, SLICE * 4 ** (pass - 1)));
    startOverWhereBlocked(works);
    pending = works.filter(isPending);
    // While others have work left, whoever failed need not wait.
    const failedOnly = pending.length > 0 && pending.every(({ errors }) => errors.length > 0);
    if (failedOnly) await deps.pause(backOff(pass, deps.random()));
  }
  const tables: TableReport[] = [];
  for (const { table, part, finished, errors } of works) {
    const ended = { table, run, begun: part.begun, finished, errors, interrupted: false };
    tables.push(await recordReceipt(deps, sql, ended));
  }
  logReports(deps, tables);
  if (works.every(({ errors }) => errors.length > 0)) throw new Error("purge failed for every table");
  return { run, startedAtMs, finishedAtMs: deps.clock.now(), tables, abandoned };
}

function isPending({ finished, errors }: Work): boolean {
  return !finished && errors.length < ATTEMPTS;
}

/** What referred to a row may have been in a table that has not come to its end yet. */
function startOverWhereBlocked(works: readonly Work[]): void {
  const unfinished = works.findIndex(isPending);
  if (unfinished === -1) return;
  for (const work of works.slice(unfinished + 1)) {
    if (!work.finished || work.part.blocked === 0) continue;
    work.part.startOver();
    work.finished = false;
  }
}

async function attempt(work: Work, slice: PurgeBudget): Promise<void> {
  try {
    work.finished = await work.part.purge(slice);
  } catch (error) {
    const { errorName, sqlState } = errorFields(error);
    work.errors.push(sqlState ?? errorName ?? "unknown");
  }
}

/** 1 s, then 4 s, each between half and whole, so that two runs do not meet again. */
function backOff(attempt: number, random: number): number {
  return Math.min(4 ** (attempt - 1) * SECOND_MS, MINUTE_MS) * (0.5 + random / 2);
}

function logReports({ logger }: PurgeDeps, tables: readonly TableReport[]): void {
  for (const { table, deleted, anonymised, blocked, partitions, errors, finished } of tables) {
    if (finished && deleted + anonymised + blocked + partitions.length + errors.length === 0) continue;
    const [errorName] = errors.slice(-1);
    logger.log(finished ? "info" : "error", "purged", {
      table,
      rows: deleted + anonymised,
      count: partitions.length,
      ...(errorName !== undefined && { errorName }),
    });
  }
}
