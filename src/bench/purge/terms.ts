import { DAY_MS, HOUR_MS } from "../../core/clock.ts";

/** Rows of the tables, and with `--large` one more. */
export const SIZES = [100_000, 1_000_000] as const;
export const LARGE_SIZE = 10_000_000;
/** Rows that expire in one run, whatever the table's size. */
export const EXPIRING = 20_000;
/**
 * So many runs' rows are due soon at any time: what a run expires is written again behind them, so that a table keeps its
 * size and takes as many runs as anyone asks for.
 */
export const DUE_RUNS = 3;
/** Longer than all runs take in simulated time, at an hour each: what is not for them expires after that. */
export const ALL_RUNS_MS = 3 * DAY_MS;

/** Tenants by the window, in months, that they bought; they take turns, and so each window has a third of what is written. */
export const WINDOWS = [1, 12, 24] as const;
export const LONGEST_WINDOW = 24;
export const TENANTS = Array.from({ length: 30 }, (_, n) => ({
  id: `0195b3d0-0000-7000-8000-${n.toString(16).padStart(12, "0")}`,
  months: WINDOWS[n % WINDOWS.length] as number,
}));

/** Everyone who expires rows here. */
export const SUBJECTS = ["dropped", "by-row", "plain", "batched", "created"] as const;
export type Subject = (typeof SUBJECTS)[number];

export const NAMES: Record<Subject, string> = {
  dropped: "ours, by the day: DROP",
  "by-row": "ours, by the month: by row",
  plain: "one table, indexed DELETE",
  batched: "the same, 1,000 a batch",
  created: "by created_at, tenants' windows",
};

/** What the rows are: pings all expire at a midnight, tool executions at any instant. */
export type Shape = "pings" | "executions";

export const SHAPES: Record<Subject, Shape> = {
  dropped: "pings",
  "by-row": "executions",
  plain: "executions",
  batched: "executions",
  created: "executions",
};

/** How far one run is from the next in simulated time: the least in which a whole partition expires, or an hour. */
export const STEP_MS: Record<Shape, number> = { pings: DAY_MS, executions: HOUR_MS };

/**
 * When simulated time begins: at a month of thirty days that has not come yet, so that thirty days are a whole month
 * and no instant has a day that the months before it lack.
 */
export function startOfTime(nowMs: number): number {
  const now = new Date(nowMs);
  for (let ahead = 1; ; ahead++) {
    const first = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1);
    const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1, 1);
    if (next - first === 30 * DAY_MS) return first;
  }
}
