import { BucketedLog } from "./bucketed-log.ts";
import { MonthCounter } from "./month-counter.ts";
import { bindingLimit, LARGEST_EXACT_LIMIT, type Policy } from "./policy.ts";
import { SlidingLog } from "./sliding-log.ts";

/** `count` admissions at one moment (ms since 1970). */
export type Run = readonly [stampMs: number, count: number];

/**
 * What a policy still counts. Pure: time is given, in ms since 1970. A clock that steps back makes what it leaves in the
 * future count as of now: no window holds more than the limit, and no wait grows beyond a window.
 */
export interface AdmissionLog {
  readonly limit: number;
  /** Admissions counted, as of the last look. */
  readonly size: number;
  /** Of memory, for the admissions. */
  readonly bytes: number;
  /** Milliseconds until `cost` would be admitted: 0 when it would be now, Infinity when it never would. */
  waitMs(nowMs: number, cost?: number): number;
  /** How many more would be admitted now. */
  remaining(nowMs: number): number;
  /** Milliseconds until the oldest admission counts no more; 0 when there is none. */
  resetMs(nowMs: number): number;
  /** Counts admissions. Whoever calls has asked `waitMs` before: it decides over several logs at once. */
  add(nowMs: number, cost?: number): void;
  /** Counts what was admitted before, in the order of time. */
  restore(run: Run): void;
  /** The newest admissions, oldest first. */
  newest(count: number): Run[];
  /** When an admission of `nowMs` counts no more. */
  endOf(nowMs: number): number;
}

/** The log that counts for this policy. Throws a RangeError for a limit or window that is none. */
export function logFor(policy: Pick<Policy, "limit" | "allotted" | "windowS">): AdmissionLog {
  const { windowS } = policy;
  const limit = bindingLimit(policy);
  if (windowS === "month") return new MonthCounter(limit);
  return limit > LARGEST_EXACT_LIMIT ? new BucketedLog(limit, windowS * 1000) : new SlidingLog(limit, windowS * 1000);
}
