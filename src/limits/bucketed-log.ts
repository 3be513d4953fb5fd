import type { AdmissionLog, Run } from "./admission-log.ts";
import { checkLimit, checkWindow } from "./policy.ts";

/** A bucket holds at most this part of the limit, and of the window. */
const PART = 1_000;

interface Bucket {
  /** The first admission in it, and the last: the one that decides when all of it is forgotten. */
  first: number;
  last: number;
  count: number;
}

/**
 * The sliding-window log for limits beyond 100,000, whose stamps would take too much memory: admissions share buckets of
 * at most a thousandth of the limit and of the window, and each counts until the last of its bucket does. So never is
 * more than the limit admitted in any window, and what is refused too early is at most 0.1 % of the limit, by at most
 * 0.1 % of the window.
 */
export class BucketedLog implements AdmissionLog {
  readonly limit: number;
  readonly windowMs: number;
  #buckets: Bucket[] = [];
  /** Index of the oldest bucket in use. */
  #head = 0;
  #size = 0;
  #latest = Number.NEGATIVE_INFINITY;

  /** Throws a RangeError for a limit that is no whole number, or a window beyond 31 days. */
  constructor(limit: number, windowMs: number) {
    checkLimit(limit);
    checkWindow(windowMs);
    this.limit = limit;
    this.windowMs = windowMs;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#buckets.length * 40;
  }

  remaining(nowMs: number): number {
    this.#advance(nowMs);
    return Math.max(0, this.limit - this.#size);
  }

  waitMs(nowMs: number, cost = 1): number {
    this.#advance(nowMs);
    let excess = this.#size + cost - this.limit;
    if (excess <= 0) return 0;
    if (cost > this.limit) return Number.POSITIVE_INFINITY;
    for (let i = this.#head; ; i++) {
      const bucket = this.#buckets[i] as Bucket;
      excess -= bucket.count;
      if (excess <= 0) return bucket.last + this.windowMs - nowMs;
    }
  }

  resetMs(nowMs: number): number {
    this.#advance(nowMs);
    const oldest = this.#buckets[this.#head];
    return oldest === undefined ? 0 : oldest.last + this.windowMs - nowMs;
  }

  add(nowMs: number, cost = 1): void {
    this.#advance(nowMs);
    this.#size += cost;
    const open = this.#buckets.at(-1);
    const joins =
      open !== undefined &&
      (open.first === nowMs || (open.count + cost <= this.limit / PART && nowMs - open.first <= this.windowMs / PART));
    if (!joins) {
      this.#buckets.push({ first: nowMs, last: nowMs, count: cost });
      return;
    }
    open.last = nowMs;
    open.count += cost;
  }

  /** As it was: joined once more, an admission would be counted late twice over. */
  restore([stampMs, count]: Run): void {
    this.#size += count;
    this.#latest = Math.max(this.#latest, stampMs);
    // Far before any admission to come: nothing joins it.
    this.#buckets.push({ first: Number.NEGATIVE_INFINITY, last: stampMs, count });
  }

  newest(count: number): Run[] {
    const runs: Run[] = [];
    let left = Math.min(count, this.#size);
    for (let i = this.#buckets.length - 1; left > 0; i--) {
      const bucket = this.#buckets[i] as Bucket;
      const taken = Math.min(left, bucket.count);
      runs.push([bucket.last, taken]);
      left -= taken;
    }
    return runs.reverse();
  }

  endOf(nowMs: number): number {
    return nowMs + this.windowMs;
  }

  #advance(nowMs: number): void {
    if (nowMs < this.#latest) this.#stepBack(nowMs);
    this.#latest = nowMs;
    const horizon = nowMs - this.windowMs;
    for (let oldest = this.#buckets[this.#head]; oldest !== undefined; oldest = this.#buckets[this.#head]) {
      if (oldest.last > horizon) break;
      this.#size -= oldest.count;
      this.#head += 1;
    }
    if (this.#head > 64 && this.#head * 2 > this.#buckets.length) {
      this.#buckets = this.#buckets.slice(this.#head);
      this.#head = 0;
    }
  }

  #stepBack(nowMs: number): void {
    for (let i = this.#buckets.length - 1; i >= this.#head; i--) {
      const bucket = this.#buckets[i] as Bucket;
      if (bucket.last <= nowMs) return;
      bucket.last = nowMs;
      bucket.first = Math.min(bucket.first, nowMs);
    }
  }
}
