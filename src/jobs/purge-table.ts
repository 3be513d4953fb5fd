import { sqlStateOf } from "../core/sql-state.ts";
import type { Sql } from "../db/connect.ts";
import type { PurgeBudget } from "./purge-budget.ts";

/** Rows that the first batch of a table looks at; later ones follow how long it took. */
export const FIRST_BATCH = 1_000;
const LARGEST_BATCH = 10_000;
/** No batch shall hold its locks for longer than 100 ms: half of that is aimed at. */
const AIM_MS = 50;
/** How often a partition's DROP or a batch tries for its lock, 50 ms each time. */
const LOCK_ATTEMPTS = 10;
const LOCK_NOT_AVAILABLE = "55P03";

/** Where to look for rows that must go, and how far this run has come there. */
interface Scope {
  which: string;
  tenant: string | null;
  /** The key of the last row that was looked at. */
  after: string[] | null;
  size: number;
  done: boolean;
}

interface Batch {
  done: number | null;
  blocked: number;
  last: string[];
  tookMs: number;
}

/** One table's part of a run; what was not finished in one turn goes on in the next where it stopped. */
export class TablePurge {
  readonly #sql: Sql;
  readonly #run: string;
  readonly #table: string;
  #drops: { done: boolean; after: string };
  #scopes: Scope[] | null = null;
  #begun = false;
  /** Rows to which others referred when it came to them. */
  #blocked = 0;

  /** `table` with its schema, `public.pings`. */
  constructor(sql: Sql, run: string, table: string, partitioned: boolean) {
    this.#sql = sql;
    this.#run = run;
    this.#table = table;
    this.#drops = { done: !partitioned, after: "-infinity" };
  }

  /** Whether the run has begun on this table: its receipt then tells of it. */
  get begun(): boolean {
    return this.#begun;
  }

  get blocked(): number {
    return this.#blocked;
  }

  /** Has the next turn look at all rows again, once what referred to some of them may be gone. */
  startOver(): void {
    this.#scopes = null;
    this.#blocked = 0;
  }

  /**
   * Deletes (and anonymises) what is due, and nothing else: partitions whose time has passed whole, the rest in batches
   * by ranges of expiry and key, a transaction each, that count in it what they did. Postgres chooses the rows: it
   * refuses what is not due or held, whatever is asked here. Returns false when the budget ended it before everything
   * was done. A partition that cannot be dropped keeps no row back: its error is thrown when they are done.
   */
  async purge(budget: PurgeBudget): Promise<boolean> {
    this.#scopes ??= await this.#begin();
    let failure: unknown = null;
    try {
      await this.#dropPartitions(budget);
    } catch (error) {
      failure = error;
    }
    for (const scope of this.#scopes) await this.#purgeScope(scope, budget);
    if (failure !== null) throw failure;
    return this.#drops.done && this.#scopes.every(({ done }) => done);
  }

  async #begin(): Promise<Scope[]> {
    const rows = await this.#sql.query("select which, tenant from ebb.begin_purge($1, $2)", [this.#run, this.#table]);
    this.#begun = true;
    return rows.map((row) => ({
      ...{ which: row["which"] as string, tenant: row["tenant"] as string | null },
      ...{ after: null, size: FIRST_BATCH, done: false },
    }));
  }

  async #dropPartitions(budget: PurgeBudget): Promise<void> {
    while (!this.#drops.done && budget.allows()) {
      const [dropped] = await patiently(() =>
        this.#sql.query("select partition, rows, upper_bound::text from ebb.drop_expired_partition($1, $2, $3)", [
          this.#run,
          this.#table,
          this.#drops.after,
        ]),
      );
      if (dropped === undefined) this.#drops.done = true;
      else this.#drops.after = dropped["upper_bound"] as string;
    }
  }

  async #purgeScope(scope: Scope, budget: PurgeBudget): Promise<void> {
    while (!scope.done && budget.allows()) {
      const batch = await patiently(() => this.#batch(scope));
      if (batch === null) {
        scope.done = true;
      } else if (batch.done === null) {
        // Another row refers to one of them: halved until they are few enough to be tried one by one.
        scope.size = Math.ceil(scope.size / 2);
      } else {
        this.#blocked += batch.blocked;
        scope.after = batch.last;
        scope.size = nextSize(scope.size, batch.tookMs);
      }
    }
  }

  async #batch({ which, tenant, after, size }: Scope): Promise<Batch | null> {
    const [row] = await this.#sql.query(
      "select done, blocked, last_key as last, took_ms from ebb.purge_batch($1, $2, $3, $4, $5, $6)",
      [this.#run, this.#table, which, tenant, after === null ? null : arrayText(after), size],
    );
    if (row === undefined) return null;
    return {
      done: row["done"] as number | null,
      blocked: row["blocked"] as number,
      last: row["last"] as string[],
      tookMs: Number(row["took_ms"]),
    };
  }
}

/** So many rows that the next batch takes about as long as is aimed at; never more than four times as many. */
export function nextSize(size: number, tookMs: number): number {
  const fitting = Math.floor((size * AIM_MS) / Math.max(tookMs, 1));
  return Math.max(1, Math.min(fitting, size * 4, LARGEST_BATCH));
}

/** A lock that does not come within 50 ms is asked for again: whoever reads or writes goes first. */
async function patiently<T>(statement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await statement();
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || attempt === LOCK_ATTEMPTS) throw error;
    }
  }
}

/** An array of texts as Postgres reads it. */
function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
