/**
 * The retention schedule: how long each class of data is kept, from which moment, and what happens then. This table is
 * the promise; rows are stamped, hidden and purged from it. A window is written as calendar units, never as days in
 * place of months: 12 months from 29 February ends on 28 February.
 */
export interface Window {
  unit: "minute" | "hour" | "day" | "month";
  count: number;
}

/** Who may change a class's window, for whom, and between which bounds. */
export interface Variation {
  by: string;
  least: Window;
  greatest: Window;
}

export interface RetentionClass {
  /** What belongs to it, in the schedule's words. */
  title: string;
  window: Window;
  /** In words, for the notice: the moment from which the window runs. */
  keptFrom: string;
  /** `gone`: copies outside our tables, whose keeper forgets them. */
  action: "delete" | "delete everything but what the law keeps" | "gone";
  /** What declared columns are anonymised after, counted from the same moment; null: nothing is. */
  anonymiseAfter: Window | null;
  /** Null: nobody may. */
  mayVary: Variation | null;
  /** Kept beyond the closing of an account, because law or the evidence of what happened needs it. */
  survivesClosing: boolean;
}

const minutes = (count: number): Window => ({ unit: "minute", count });
const hours = (count: number): Window => ({ unit: "hour", count });
const days = (count: number): Window => ({ unit: "day", count });
const months = (count: number): Window => ({ unit: "month", count });

function deleteAfter(
  window: Window,
  title: string,
  keptFrom: string,
  more: Partial<Omit<RetentionClass, "title" | "window" | "keptFrom">> = {},
): RetentionClass {
  const plain = { action: "delete", anonymiseAfter: null, mayVary: null, survivesClosing: false } as const;
  return { title, window, keptFrom, ...plain, ...more };
}
/** Law, or the evidence of what happened, needs it: the closing of an account does not end it. */
const SURVIVES = { survivesClosing: true } as const;

export const SCHEDULE = {
  "alive-pings": deleteAfter(days(30), "alive pings, health checks", "start of their UTC day"),
  diagnostics: deleteAfter(days(90), "metrics; errors and performance (sanitised)", "start of their UTC day"),
  "usage-events": deleteAfter(months(12), "user sessions and profile fetches, feature usage", "start of their hour"),
  "tool-execution-logs": deleteAfter(months(12), "tool-execution logs", "recorded", {
    mayVary: { by: "enterprise plan, per tenant", least: months(1), greatest: months(24) },
  }),
  "ai-usage": deleteAfter(months(12), "AI usage (provider, model, tokens, cost; never messages)", "recorded"),
  "security-events": deleteAfter(months(12), "authentication and security events", "recorded", SURVIVES),
  "website-visits": deleteAfter(months(26), "website visits", "recorded", { anonymiseAfter: months(14) }),
  aggregates: deleteAfter(months(26), "aggregates (active instances by day and version, groups of 10 or more)", "day"),
  "customer-data": deleteAfter(
    days(30),
    "customer data (profiles, connections, encrypted credentials)",
    "subscription end",
  ),
  "account-information": deleteAfter(
    days(90),
    "account information, memberships, instances, their credentials",
    "subscription end, or their own removal",
  ),
  "cancelled-account": deleteAfter(days(30), "cancelled account (closed by its owner)", "closing", {
    action: "delete everything but what the law keeps",
  }),
  "billing-records": deleteAfter(months(84), "billing records", "issued", SURVIVES),
  "audit-entries": deleteAfter(months(84), "audit entries, purge receipts", "recorded", SURVIVES),
  "rights-requests": deleteAfter(months(24), "rights requests, holds and their outcome", "closed", SURVIVES),
  // A row that was written under it must not outlive it by more than the greatest window there is.
  "window-settings": deleteAfter(months(24), "a tenant's own windows", "superseded, or subscription end"),
  "login-codes": deleteAfter(minutes(10), "device codes, authorization codes, login state", "issued"),
  "unclaimed-registrations": deleteAfter(hours(24), "unclaimed instance registrations", "registered"),
  "idempotency-records": deleteAfter(hours(24), "idempotency records", "recorded"),
  "gate-event-ids": deleteAfter(hours(48), "gate's event ids", "recorded"),
  "registration-keys": deleteAfter(days(30), "invitations, registration keys", "expiry or use"),
  sessions: deleteAfter(days(90), "refresh tokens, sessions", "issued"),
  // At once: a window of the gates is a minute, and anchored at its start.
  "gate-windows": deleteAfter(minutes(1), "journal rows, gate windows", "flushed; window passed"),
  "dead-letters": deleteAfter(days(7), "dead letters, mail outbox", "recorded"),
  // A message that a gate has not taken yet is not forgotten: its seven days run from then.
  "outbox-rows": deleteAfter(days(7), "outbox rows", "delivered"),
  "outside-copies": deleteAfter(
    days(30),
    "backups; point-in-time history of Neon and Durable Objects (outside stores: the notice and receipts say so)",
    "taken",
    { action: "gone", mayVary: { by: "whoever runs Ebb", least: days(30), greatest: days(90) } },
  ),
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

/** A window in words: `30 days`, `12 months`, `7 years`. */
export function windowText({ count, unit }: Window): string {
  const years = unit === "month" && count > 24 && count % 12 === 0;
  const [number, name] = years ? [count / 12, "year"] : [count, unit];
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

/** Who may vary a window and how far, in words. */
export function variationText(variation: Variation | null): string {
  if (variation === null) return "no";
  return `${variation.by}: ${windowText(variation.least)} to ${windowText(variation.greatest)}`;
}
