import { type Clock, MINUTE_MS } from "../core/clock.ts";
import type { Sql } from "../db/connect.ts";

/** A Worker's cron ends after 15 minutes and a thousand calls: a run stops by itself before that. */
const RUN_MS = 12 * MINUTE_MS;
const RUN_STATEMENTS = 900;
/** Statements that are left for the receipts, two a table. */
const RECEIPTS = 150;

/** What a run may still do. */
export interface PurgeBudget {
  allows(): boolean;
}

export interface RunBudget extends PurgeBudget {
  /** Statements that have been asked for so far. */
  spent(): number;
  /** The same connection, whose statements are counted. */
  counting(sql: Sql): Sql;
}

/** Counts statements as they are asked for, and watches the clock. */
export function purgeBudget(clock: Clock, { ms = RUN_MS, statements = RUN_STATEMENTS - RECEIPTS } = {}): RunBudget {
  const until = clock.now() + ms;
  let spent = 0;
  return {
    spent: () => spent,
    allows: () => spent < statements && clock.now() < until,
    counting: (sql) => ({
      query: (...call) => {
        spent += 1;
        return sql.query(...call);
      },
    }),
  };
}

/** So many statements of it from now on, and no more than it has. */
export function sliceOf(budget: RunBudget, statements: number): PurgeBudget {
  const until = budget.spent() + statements;
  return { allows: () => budget.spent() < until && budget.allows() };
}
