import { DAY_MS, HOUR_MS } from "../core/clock.ts";
import { expiry, SCHEDULE } from "../privacy/schedule.ts";

/**
 * What a gate journals, and the bucket in which each is counted once: alive, a UTC day an instance; what a person's token
 * asks, an hour a person and instance.
 */
export const BUCKET_MS = { alive: DAY_MS, session: HOUR_MS, profile: HOUR_MS } as const;
export type JournalKind = keyof typeof BUCKET_MS;
export type PingKind = "alive";
/** What a person's token asks about itself. */
export type AskedKind = Exclude<JournalKind, PingKind>;

/** Start of the bucket that something received at `nowMs` belongs to. The gate's clock decides, never the client's. */
export function bucketStart(kind: JournalKind, nowMs: number): number {
  return Math.floor(nowMs / BUCKET_MS[kind]) * BUCKET_MS[kind];
}

/**
 * When a ping of this bucket expires. A function of the bucket alone: `expires_at` is part of the unique key, so the
 * moment of arrival in it would let duplicates through.
 */
export function pingExpiresAt(bucketMs: number): number {
  return expiry(Math.floor(bucketMs / DAY_MS) * DAY_MS, SCHEDULE["alive-pings"].window);
}

/** The same for what a person's token asked. */
export function askedExpiresAt(bucketMs: number): number {
  return expiry(Math.floor(bucketMs / HOUR_MS) * HOUR_MS, SCHEDULE["usage-events"].window);
}

/** When what was journaled as this kind expires by the schedule of now. */
export function journalExpiresAt(kind: string, bucketMs: number): number {
  return isAsked(kind) ? askedExpiresAt(bucketMs) : pingExpiresAt(bucketMs);
}

export function isAsked(kind: string): kind is AskedKind {
  return kind === "session" || kind === "profile";
}
