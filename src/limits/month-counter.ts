import type { AdmissionLog, Run } from "./admission-log.ts";
import { checkLimit } from "./policy.ts";

/** A quota by calendar month, which begins and ends in UTC: a number is all that it takes. */
export class MonthCounter implements AdmissionLog {
  readonly limit: number;
  readonly bytes = 8;
  #count = 0;
  #month = Number.NEGATIVE_INFINITY;

  /** Throws a RangeError for a limit that is no whole number. */
  constructor(limit: number) {
    checkLimit(limit);
    this.limit = limit;
  }

  get size(): number {
    return this.#count;
  }

  remaining(nowMs: number): number {
    this.#advance(nowMs);
    return Math.max(0, this.limit - this.#count);
  }

  waitMs(nowMs: number, cost = 1): number {
    this.#advance(nowMs);
    if (this.#count + cost <= this.limit) return 0;
    return cost > this.limit ? Number.POSITIVE_INFINITY : this.endOf(nowMs) - nowMs;
  }

  resetMs(nowMs: number): number {
    this.#advance(nowMs);
    return this.#count === 0 ? 0 : this.endOf(nowMs) - nowMs;
  }

  add(nowMs: number, cost = 1): void {
    this.#advance(nowMs);
    this.#count += cost;
  }

  restore([stampMs, count]: Run): void {
    this.#advance(stampMs);
    this.#count += count;
  }

  newest(count: number): Run[] {
    const known = Math.min(count, this.#count);
    return known === 0 ? [] : [[this.#month, known]];
  }

  endOf(nowMs: number): number {
    const date = new Date(nowMs);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }

  /** A new month counts from nothing. A clock that steps back into the month before takes what was counted with it. */
  #advance(nowMs: number): void {
    const date = new Date(nowMs);
    const month = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    if (month > this.#month) this.#count = 0;
    this.#month = month;
  }
}
