import { type AdmissionLog, logFor, type Run } from "./admission-log.ts";
import { packRuns, unpackRuns } from "./packed-runs.ts";
import { bindingLimit, type Policy } from "./policy.ts";

/**
 * What was written down of one meter: some admissions exactly, and how many more could have followed them. Times in ms.
 */
export interface SpentRow {
  /** Place among the meter's rows; writing the same place again replaces it. */
  seq: number;
  /** No admission in it is older. */
  openedAt: number;
  /** `packRuns` over `openedAt`. */
  stamps: Uint8Array;
  /** Admissions that were written down ahead of their use, and until when they could be used. */
  reserved: number;
  lapsesAt: number;
  /** From then on nothing in it counts. */
  expiresAt: number;
  /** It stands for all of the meter's rows written before. */
  replacesAll?: true;
}

/** Below this limit every admission is written down, so that a restart loses nothing. */
const EXACT_BELOW = 100;
/** Place of an admission that another row than a meter's own stands for. */
export const ELSEWHERE = -1;

/** Admissions in a row: small limits fit into one, large ones into about a hundred. */
const SMALLEST_ROW = 128;
const NOTHING: readonly SpentRow[] = [];
/** A clock that steps back by more than this is a clock that was wrong: what was written down by it is written anew. */
const STEP_MS = 1_000;

/**
 * Counts one policy for one subject, and says what must be written down before an admission is answered. It writes ahead:
 * a row names the admissions so far and reserves some to come, so that most admissions need no write. After a restart
 * only what was reserved and may or may not have been used is uncertain; it counts as used. All that is uncertain in one
 * window is at most 1 % of the limit: each loss halves what may be reserved until it has left the window. (Of the limit
 * under which it was lost: a limit that is lowered meanwhile still counts it.)
 */
export class Meter {
  readonly policy: Policy;
  readonly log: AdmissionLog;
  /** Bytes of the log that its limiter has counted. */
  weighed = 0;
  /** The row being filled, and how many of the newest admissions are in it. */
  #seq = 0;
  #inRow = 0;
  /** How many more may be admitted without a write, and until when. */
  #reserved = 0;
  #lapsesAt = 0;
  /** Admissions since this meter woke: a quiet one reserves nothing, so that falling asleep loses nothing. */
  #awake = 0;
  /** What earlier lives reserved and may not have used. */
  readonly #lost: Run[] = [];
  /** Admissions that other rows than the meter's own stand for. */
  #elsewhere: number[] = [];
  /** Rows that must be written although nothing was admitted. */
  #pending: SpentRow[] = [];
  #latestMs = Number.NEGATIVE_INFINITY;

  constructor(policy: Policy) {
    this.policy = policy;
    this.log = logFor(policy);
  }

  /** A meter as it was written down. What lies in the future, of a clock that has stepped back, is taken as of now. */
  static restored(policy: Policy, rows: readonly SpentRow[], nowMs: number): Meter {
    const meter = new Meter(policy);
    const sorted = rows.toSorted((a, b) => a.seq - b.seq);
    const runs: Run[] = [];
    let newestMs = Number.NEGATIVE_INFINITY;
    for (const [index, row] of sorted.entries()) {
      const exact = unpackRuns(row.stamps, row.openedAt);
      if (row.seq === ELSEWHERE) meter.#elsewhere.push(...exact.map(([stamp]) => stamp));
      else newestMs = Math.max(newestMs, exact.at(-1)?.[0] ?? row.openedAt);
      runs.push(...exact.map(([stamp, count]): Run => [Math.min(stamp, nowMs), count]));
      if (row.reserved > 0) {
        // Used before the next row was opened, before it lapsed, and before now.
        const at = Math.min(nowMs, row.lapsesAt - 1, sorted[index + 1]?.openedAt ?? nowMs);
        meter.#lost.push([at, row.reserved]);
        runs.push([at, row.reserved]);
      }
    }
    for (const run of runs.sort(([a], [b]) => a - b)) meter.log.restore(run);
    meter.#latestMs = nowMs;
    const last = sorted.at(-1);
    if (last === undefined) return meter;
    // A row is filled on only when all that is newest is in it and nothing else.
    const goesOn = last.reserved === 0 && sorted[0]?.seq !== ELSEWHERE;
    meter.#seq = goesOn ? last.seq : last.seq + 1;
    meter.#inRow = goesOn ? unpackRuns(last.stamps, last.openedAt).reduce((sum, [, count]) => sum + count, 0) : 0;
    if (newestMs > nowMs + STEP_MS) meter.#restate(nowMs);
    return meter;
  }

  /** As the log's. A clock that has stepped back shows here first. */
  waitMs(nowMs: number, cost: number): number {
    if (nowMs < this.#latestMs - STEP_MS) this.#restate(nowMs);
    this.#latestMs = nowMs;
    return this.log.waitMs(nowMs, cost);
  }

  /** The same admissions under another policy: a plan that changes in mid-window binds at once. */
  changedTo(policy: Policy, nowMs: number): Meter {
    const meter = new Meter(policy);
    this.log.remaining(nowMs);
    for (const run of this.log.newest(this.log.size)) meter.log.restore(run);
    meter.#seq = this.#seq;
    meter.#inRow = this.#inRow;
    meter.#awake = this.#awake;
    meter.#latestMs = this.#latestMs;
    meter.#elsewhere = this.#elsewhere;
    meter.#lost.push(...this.#lost);
    meter.#pending = [...this.#pending];
    if (this.#reserved > 0) {
      meter.#inRow = Math.min(meter.#inRow, meter.log.size);
      meter.#pending.push(meter.#row(nowMs));
    }
    return meter;
  }

  /**
   * Counts an admission that `log.waitMs` has allowed, and returns what must be written before it is answered. With
   * `elsewhere` an admission that stands alone in its window is left to the caller to write down (as one in
   * `restored`, with the place `ELSEWHERE`); the answer is then null.
   */
  admit(nowMs: number, cost: number, elsewhere = false): readonly SpentRow[] | null {
    this.log.add(nowMs, cost);
    this.#awake += cost;
    if (nowMs < this.#lapsesAt && this.#reserved >= cost) {
      this.#inRow += cost;
      this.#reserved -= cost;
      return this.pending();
    }
    if (elsewhere && this.log.size === cost && this.#reserved === 0) {
      this.#inRow = 0;
      this.#elsewhere = [nowMs];
      return null;
    }
    this.#inRow = Math.min(this.#inRow + cost, this.log.size);
    const capacity = rowOf(this.policy);
    this.#reserved = Math.min(this.#awake - cost, this.#mayReserve(nowMs), Math.max(0, capacity - this.#inRow));
    this.#lapsesAt = this.log.endOf(nowMs);
    const row = this.#row(nowMs);
    if (this.#inRow >= capacity) {
      this.#seq += 1;
      this.#inRow = 0;
    }
    return [...this.pending(), row];
  }

  /** Writes down how much of what is reserved was used; after that, falling asleep loses nothing. */
  settle(nowMs: number): readonly SpentRow[] {
    if (this.#reserved === 0) return this.pending();
    this.#reserved = 0;
    this.log.remaining(nowMs);
    this.#inRow = Math.min(this.#inRow, this.log.size);
    return [...this.pending(), this.#row(nowMs)];
  }

  /** Rows that must be written although nothing was admitted. */
  pending(): readonly SpentRow[] {
    if (this.#pending.length === 0) return NOTHING;
    const rows = this.#pending;
    this.#pending = [];
    return rows;
  }

  /** One row for all that is counted, in place of those that name a future which has not come. */
  #restate(nowMs: number): void {
    this.log.remaining(nowMs);
    const runs = this.log.newest(this.log.size).map(([stamp, count]): [number, number] => [stamp, count]);
    // Others' rows stand for these; what is uncertain stays so.
    for (const stamp of this.#elsewhere) subtract(runs, Math.min(stamp, nowMs), 1);
    let lost = 0;
    for (const [at, count] of this.#lost) lost += subtract(runs, Math.min(at, nowMs), count);
    this.#lost.splice(0, this.#lost.length, ...(lost > 0 ? [[nowMs, lost] as const] : []));
    const own = runs.filter(([, count]) => count > 0);
    const openedAt = own[0]?.[0] ?? nowMs;
    this.#pending.push({
      seq: this.#seq + 1,
      openedAt,
      stamps: packRuns(own, openedAt),
      reserved: lost,
      lapsesAt: lost > 0 ? nowMs + 1 : 0,
      expiresAt: this.log.endOf(nowMs),
      replacesAll: true,
    });
    this.#seq += 2;
    this.#inRow = 0;
    this.#reserved = 0;
  }

  #row(nowMs: number): SpentRow {
    const runs = this.log.newest(this.#inRow);
    const openedAt = runs[0]?.[0] ?? nowMs;
    const lapsesAt = this.#reserved > 0 ? this.#lapsesAt : 0;
    const last = this.#reserved > 0 ? lapsesAt - 1 : runs.at(-1)?.[0];
    return {
      seq: this.#seq,
      openedAt,
      stamps: packRuns(runs, openedAt),
      reserved: this.#reserved,
      lapsesAt,
      // A row that names nothing any more may go at once.
      expiresAt: last === undefined ? nowMs : this.log.endOf(last),
    };
  }

  #mayReserve(nowMs: number): number {
    const limit = bindingLimit(this.policy);
    if (limit < EXACT_BELOW) return 0;
    let lost = 0;
    for (const [at, count] of this.#lost) if (this.log.endOf(at) > nowMs) lost += count;
    if (lost === 0 && this.#lost.length > 0) this.#lost.length = 0;
    return Math.max(0, Math.floor((Math.floor(limit / 100) - lost) / 2));
  }
}

function rowOf(policy: Policy): number {
  // A month's count takes the same room whatever it is.
  if (policy.windowS === "month") return Number.POSITIVE_INFINITY;
  return Math.max(SMALLEST_ROW, Math.floor(bindingLimit(policy) / 100));
}

/** Takes so many from the runs up to a moment, newest first; returns how many there were. */
function subtract(runs: [number, number][], stampMs: number, count: number): number {
  let left = count;
  for (let i = runs.length - 1; i >= 0 && left > 0; i--) {
    const run = runs[i] as [number, number];
    if (run[0] > stampMs) continue;
    const taken = Math.min(left, run[1]);
    run[1] -= taken;
    left -= taken;
  }
  return count - left;
}
