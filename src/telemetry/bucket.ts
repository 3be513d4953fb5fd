import { DAY_MS } from "../core/clock.ts";
import { expiry, SCHEDULE } from "../privacy/schedule.ts";

/** Kinds of pings and the bucket each is counted once in: alive, one a UTC day. */
export const BUCKET_MS = { alive: DAY_MS } as const;
export type PingKind = keyof typeof BUCKET_MS;

/** Start of the bucket that a ping received at `nowMs` belongs to. The gate's clock decides, never the client's. */
export function bucketStart(kind: PingKind, nowMs: number): number {
  return Math.floor(nowMs / BUCKET_MS[kind]) * BUCKET_MS[kind];
}

/**
 * When a ping of this bucket expires. A function of the bucket alone: `expires_at` is part of the unique key, so the
 * moment of arrival in it would let duplicates through.
 */
export function pingExpiresAt(bucketMs: number): number {
  return expiry(Math.floor(bucketMs / DAY_MS) * DAY_MS, SCHEDULE["alive-pings"].window);
}
