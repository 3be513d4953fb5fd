/**
 * The retention schedule: how long each class of data is kept, from which moment, and what happens then. This table is
 * the promise; rows are stamped, hidden and purged from it. A window is written as calendar units, never as days in
 * place of months: 12 months from 29 February ends on 28 February.
 */
export interface Window {
  unit: "minute" | "hour" | "day" | "month";
  count: number;
}

export interface RetentionClass {
  window: Window;
  /** In words, for the notice: the moment from which the window runs. */
  keptFrom: string;
  action: "delete";
  /** Kept beyond the closing of an account, because law or the evidence of what happened needs it. */
  survivesClosing: boolean;
}

const days = (count: number): Window => ({ unit: "day", count });
const months = (count: number): Window => ({ unit: "month", count });

function deleteAfter(window: Window, keptFrom: string, survivesClosing = false): RetentionClass {
  return { window, keptFrom, action: "delete", survivesClosing };
}

export const SCHEDULE = {
  "alive-pings": deleteAfter(days(30), "start of their UTC day"),
  "account-information": deleteAfter(days(90), "subscription end, or their own removal"),
  "registration-keys": deleteAfter(days(30), "expiry or use"),
  "audit-entries": deleteAfter(months(84), "recorded", true),
  "dead-letters": deleteAfter(days(7), "recorded"),
  "outbox-rows": deleteAfter(days(7), "delivered"),
  "gate-windows": deleteAfter({ unit: "minute", count: 1 }, "start of their minute"),
} as const satisfies Record<string, RetentionClass>;

export type RetentionClassName = keyof typeof SCHEDULE;

/** The window as a Postgres interval literal. */
export function intervalSql(window: Window): string {
  return `interval '${window.count} ${window.unit}${window.count === 1 ? "" : "s"}'`;
}

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * The instant, in ms since 1970, at which something anchored at `anchorMs` expires: forward, in UTC, constrained to the
 * month's end; `Infinity` while the anchor has not happened. The same as `ebb.expiry(anchor, window)` in SQL.
 */
export function expiry(anchorMs: number, window: Window): number {
  if (anchorMs === Number.POSITIVE_INFINITY) return anchorMs;
  if (window.unit !== "month") return anchorMs + window.count * UNIT_MS[window.unit];
  const anchor = new Date(anchorMs);
  const month = anchor.getUTCMonth() + window.count;
  const lastDay = new Date(Date.UTC(anchor.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const moved = new Date(anchorMs);
  moved.setUTCFullYear(anchor.getUTCFullYear(), month, Math.min(anchor.getUTCDate(), lastDay));
  return moved.getTime();
}
