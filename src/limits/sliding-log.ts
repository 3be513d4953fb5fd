import type { AdmissionLog, Run } from "./admission-log.ts";
import { checkLimit, checkWindow } from "./policy.ts";

/** Stamps in a segment, at most; the first ones are an eighth of what is held already, so that small logs stay small. */
const SEGMENT = 1_024;
const SMALLEST = 4;
/** A segment that has so many stamps is ended rather than made wide. */
const ENOUGH = 64;
/** The largest offset of a narrow segment, a minute, and of a wide one, 49 days. */
const NARROW = 0xffff;
const WIDE = 0xffff_ffff;

/** Stamps as milliseconds after the segment's first. */
interface Segment {
  epoch: number;
  offsets: Uint16Array | Uint32Array;
  /** The stamps in use are those in [head, tail). */
  head: number;
  tail: number;
}

/**
 * The exact sliding-window log: at most `limit` admitted in any trailing window `(now - window, now]`, and refused only
 * where so many were. Two bytes an admission where a thousand of them come within a minute, four elsewhere, in segments
 * that come and go with them.
 */
export class SlidingLog implements AdmissionLog {
  readonly limit: number;
  readonly windowMs: number;
  readonly #segments: Segment[] = [];
  #size = 0;
  #bytes = 0;
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
    return this.#bytes;
  }

  remaining(nowMs: number): number {
    this.#advance(nowMs);
    return Math.max(0, this.limit - this.#size);
  }

  waitMs(nowMs: number, cost = 1): number {
    this.#advance(nowMs);
    const excess = this.#size + cost - this.limit;
    if (excess <= 0) return 0;
    if (cost > this.limit) return Number.POSITIVE_INFINITY;
    return this.#at(excess - 1) + this.windowMs - nowMs;
  }

  resetMs(nowMs: number): number {
    this.#advance(nowMs);
    return this.#size === 0 ? 0 : this.#at(0) + this.windowMs - nowMs;
  }

  add(nowMs: number, cost = 1): void {
    this.#advance(nowMs);
    this.#push(nowMs, cost);
  }

  restore([stampMs, count]: Run): void {
    this.#push(stampMs, count);
    this.#latest = Math.max(this.#latest, stampMs);
  }

  newest(count: number): Run[] {
    const runs: [number, number][] = [];
    let skip = Math.max(0, this.#size - count);
    for (const { epoch, offsets, head, tail } of this.#segments) {
      const from = Math.min(head + skip, tail);
      skip -= from - head;
      for (let i = from; i < tail; i++) {
        const stamp = epoch + (offsets[i] as number);
        const last = runs.at(-1);
        if (last?.[0] === stamp) last[1] += 1;
        else runs.push([stamp, 1]);
      }
    }
    return runs;
  }

  endOf(nowMs: number): number {
    return nowMs + this.windowMs;
  }

  #at(index: number): number {
    let rest = index;
    for (const { epoch, offsets, head, tail } of this.#segments) {
      if (rest < tail - head) return epoch + (offsets[head + rest] as number);
      rest -= tail - head;
    }
    throw new RangeError("beyond the log");
  }

  #push(stamp: number, count: number): void {
    for (let left = count; left > 0; ) {
      const segment = this.#segmentFor(stamp);
      const end = Math.min(segment.offsets.length, segment.tail + left);
      segment.offsets.fill(stamp - segment.epoch, segment.tail, end);
      left -= end - segment.tail;
      this.#size += end - segment.tail;
      segment.tail = end;
    }
  }

  /** The segment that takes a stamp next: the last one, made wide if need be, or a new one. */
  #segmentFor(stamp: number): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.tail < last.offsets.length) {
      const offset = stamp - last.epoch;
      if (offset <= (last.offsets.BYTES_PER_ELEMENT === 2 ? NARROW : WIDE)) return last;
      if (offset <= WIDE && last.tail < ENOUGH) {
        this.#bytes += last.offsets.byteLength;
        last.offsets = Uint32Array.from(last.offsets);
        return last;
      }
    }
    if (last !== undefined && last.tail < last.offsets.length) {
      // What it will not fill is given back.
      this.#bytes -= last.offsets.byteLength;
      last.offsets = last.offsets.slice(0, last.tail);
      this.#bytes += last.offsets.byteLength;
    }
    const length = Math.min(SEGMENT, Math.max(SMALLEST, this.#size >> 3));
    const segment: Segment = { epoch: stamp, offsets: new Uint16Array(length), head: 0, tail: 0 };
    this.#segments.push(segment);
    this.#bytes += segment.offsets.byteLength;
    return segment;
  }

  #advance(nowMs: number): void {
    if (nowMs < this.#latest) this.#stepBack(nowMs);
    this.#latest = nowMs;
    const horizon = nowMs - this.windowMs;
    for (let first = this.#segments[0]; first !== undefined; first = this.#segments[0]) {
      const { epoch, offsets, tail } = first;
      let { head } = first;
      while (head < tail && epoch + (offsets[head] as number) <= horizon) head += 1;
      this.#size -= head - first.head;
      first.head = head;
      if (head < tail) return;
      this.#segments.shift();
      this.#bytes -= offsets.byteLength;
    }
  }

  /** What lies in the future of a clock that has stepped back happened now at the latest. */
  #stepBack(nowMs: number): void {
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i] as Segment;
      const { offsets, head, tail } = segment;
      if (segment.epoch > nowMs) {
        segment.epoch = nowMs;
        offsets.fill(0, head, tail);
        continue;
      }
      let from = tail;
      while (from > head && segment.epoch + (offsets[from - 1] as number) > nowMs) from -= 1;
      offsets.fill(nowMs - segment.epoch, from, tail);
      if (from > head) return;
    }
  }
}
