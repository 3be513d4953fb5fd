import type { AdmissionLog, Run } from "./admission-log.ts";
import { checkLimit } from "./policy.ts";

/** A quota by calendar month, which begins and ends in UTC: a number is all that it takes. */
export class MonthCounter implements AdmissionLog {
  readonly limit: number;
  readonly bytes = 8;
  /** By month, counted from year 0: this one, the one before, and the one after for a clock that wavers at its border. */
  readonly #counts = new Map<number, number>();
  #month = Number.NEGATIVE_INFINITY;

  /** Throws a RangeError for a limit that is no whole number. */
  constructor(limit: number) {
    checkLimit(limit);
    this.limit = limit;
  }

  get size(): number {
    return this.#counts.get(this.#month) ?? 0;
  }

  remaining(nowMs: number): number {
    this.#advance(nowMs);
    return Math.max(0, this.limit - this.size);
  }

  waitMs(nowMs: number, cost = 1): number {
    this.#advance(nowMs);
    if (this.size + cost <= this.limit) return 0;
    return cost > this.limit ? Number.POSITIVE_INFINITY : this.endOf(nowMs) - nowMs;
  }

  resetMs(nowMs: number): number {
    this.#advance(nowMs);
    return this.size === 0 ? 0 : this.endOf(nowMs) - nowMs;
  }

  add(nowMs: number, cost = 1): void {
    this.#advance(nowMs);
    this.#counts.set(this.#month, this.size + cost);
  }

  restore([stampMs, count]: Run): void {
    this.#advance(stampMs);
    this.#counts.set(this.#month, this.size + count);
  }

  newest(count: number): Run[] {
    const known = Math.min(count, this.size);
    return known === 0 ? [] : [[startOf(this.#month), known]];
  }

  endOf(nowMs: number): number {
    return startOf(monthOf(nowMs) + 1);
  }

  /** A new month counts from nothing. What a clock that was far ahead has counted there, it counts here. */
  #advance(nowMs: number): void {
    const month = monthOf(nowMs);
    if (month === this.#month) return;
    this.#month = month;
    for (const [other, count] of this.#counts) {
      if (Math.abs(other - month) <= 1) continue;
      this.#counts.delete(other);
      if (other > month) this.#counts.set(month, this.size + count);
    }
  }
}

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Its first instant. */
function startOf(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12);
}
