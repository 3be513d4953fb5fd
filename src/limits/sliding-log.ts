/** The longest window: stamps are 32 bits of milliseconds. */
export const MAX_WINDOW_MS = 31 * 24 * 3_600_000;
const SMALLEST = 4;

/**
 * The exact sliding-window log: at most `limit` admitted in any trailing window `(now - window, now]`, and refused only
 * where so many were. Four bytes an admission, in a ring that grows and shrinks. Pure: no clock, no I/O. A clock that
 * steps back is taken to stand still, or time would be counted twice.
 */
export class SlidingLog {
  readonly limit: number;
  readonly windowMs: number;
  #ring = new Uint32Array(SMALLEST);
  #head = 0;
  #size = 0;
  #epoch = 0;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(limit: number, windowMs: number) {
    if (!Number.isInteger(limit) || limit < 0) throw new RangeError("limit is a whole number of admissions");
    if (!(windowMs > 0 && windowMs <= MAX_WINDOW_MS)) throw new RangeError("window is at most 31 days of milliseconds");
    this.limit = limit;
    this.windowMs = windowMs;
  }

  /** How many more would be admitted at `nowMs`. */
  remaining(nowMs: number): number {
    this.#expire(nowMs);
    return Math.max(0, this.limit - this.#size);
  }

  /** Milliseconds from `nowMs` until `cost` would be admitted; 0 when it would be now, Infinity when it never would. */
  waitMs(nowMs: number, cost = 1): number {
    const now = this.#expire(nowMs);
    const excess = this.#size + cost - this.limit;
    if (excess <= 0) return 0;
    if (cost > this.limit) return Number.POSITIVE_INFINITY;
    return this.#at(excess - 1) + this.windowMs - now;
  }

  /** Milliseconds until the oldest admission leaves the window; 0 when there is none. */
  resetMs(nowMs: number): number {
    const now = this.#expire(nowMs);
    return this.#size === 0 ? 0 : this.#at(0) + this.windowMs - now;
  }

  /** Counts `cost` admissions at `nowMs`. The caller has asked `waitMs` before: it decides over several logs at once. */
  add(nowMs: number, cost = 1): void {
    const now = this.#expire(nowMs);
    if (this.#size === 0) this.#epoch = now;
    if (now - this.#epoch > 0xffff_ffff) this.#rebase();
    for (let i = 0; i < cost; i++) {
      if (this.#size === this.#ring.length) this.#resize(this.#ring.length * 2);
      this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = now - this.#epoch;
      this.#size += 1;
    }
  }

  get size(): number {
    return this.#size;
  }

  #at(index: number): number {
    return this.#epoch + (this.#ring[(this.#head + index) & (this.#ring.length - 1)] as number);
  }

  #expire(nowMs: number): number {
    const now = Math.max(nowMs, this.#latest);
    this.#latest = now;
    const horizon = now - this.windowMs;
    while (this.#size > 0 && this.#at(0) <= horizon) {
      this.#head = (this.#head + 1) & (this.#ring.length - 1);
      this.#size -= 1;
    }
    if (this.#ring.length > SMALLEST && this.#size <= this.#ring.length / 4) this.#resize(this.#ring.length / 2);
    return now;
  }

  #resize(length: number): void {
    const ring = new Uint32Array(length);
    for (let i = 0; i < this.#size; i++) ring[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)] as number;
    this.#ring = ring;
    this.#head = 0;
  }

  #rebase(): void {
    const shift = this.#at(0) - this.#epoch;
    for (let i = 0; i < this.#size; i++) {
      const slot = (this.#head + i) & (this.#ring.length - 1);
      this.#ring[slot] = (this.#ring[slot] as number) - shift;
    }
    this.#epoch += shift;
  }
}
