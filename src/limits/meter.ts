import { type AdmissionLog, logFor, type Run } from "./admission-log.ts";
import { packRuns, unpackRuns } from "./packed-runs.ts";
import type { Policy } from "./policy.ts";

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
}

/** Below this limit every admission is written down, so that a restart loses nothing. */
const EXACT_BELOW = 100;
/** Place of an admission that another row than a meter's own stands for. */
export const ELSEWHERE = -1;

/** Admissions in a row: small limits fit into one, large ones into about a hundred. */
const SMALLEST_ROW = 128;
const NOTHING: readonly SpentRow[] = [];

/**
 * Counts one policy for one subject, and says what must be written down before an admission is answered. It writes ahead:
 * a row names the admissions so far and reserves some to come, so that most admissions need no write. After a restart
 * only what was reserved and may or may not have been used is uncertain; it counts as used. All that is uncertain in one
 * window is less than 1 % of the limit: each loss halves what may be reserved until it has left the window.
 */
export class Meter {
  readonly policy: Policy;
  readonly log: AdmissionLog;
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
  /** Rows that must be written although nothing was admitted. */
  #pending: SpentRow[] = [];

  constructor(policy: Policy) {
    this.policy = policy;
    this.log = logFor(policy);
  }

  /** A meter as it was written down. What lies in the future, of a clock that has stepped back, is taken as of now. */
  static restored(policy: Policy, rows: readonly SpentRow[], nowMs: number): Meter {
    const meter = new Meter(policy);
    const sorted = rows.toSorted((a, b) => a.seq - b.seq);
    const runs: Run[] = [];
    for (const [index, row] of sorted.entries()) {
      const exact = unpackRuns(row.stamps, row.openedAt);
      if (row.seq > ELSEWHERE && (exact.at(-1)?.[0] ?? row.openedAt) > nowMs) {
        meter.#pending.push(asOf(nowMs, row, exact, meter.log));
      }
      runs.push(...exact.map(([stamp, count]): Run => [Math.min(stamp, nowMs), count]));
      if (row.reserved > 0) {
        // Used before the next row was opened, before it lapsed, and before now.
        const at = Math.min(nowMs, row.lapsesAt - 1, sorted[index + 1]?.openedAt ?? nowMs);
        meter.#lost.push([at, row.reserved]);
        runs.push([at, row.reserved]);
      }
    }
    for (const run of runs.sort(([a], [b]) => a - b)) meter.log.restore(run);
    const last = sorted.at(-1);
    if (last === undefined) return meter;
    // A row is filled on only when all that is newest is in it and nothing else.
    const goesOn = last.reserved === 0 && sorted[0]?.seq !== ELSEWHERE;
    meter.#seq = goesOn ? last.seq : last.seq + 1;
    meter.#inRow = goesOn ? unpackRuns(last.stamps, last.openedAt).reduce((sum, [, count]) => sum + count, 0) : 0;
    return meter;
  }

  /** The same admissions under another policy: a plan that changes in mid-window binds at once. */
  changedTo(policy: Policy, nowMs: number): Meter {
    const meter = new Meter(policy);
    this.log.remaining(nowMs);
    for (const run of this.log.newest(this.log.size)) meter.log.restore(run);
    meter.#seq = this.#seq;
    meter.#inRow = this.#inRow;
    meter.#awake = this.#awake;
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

  #row(nowMs: number): SpentRow {
    const runs = this.log.newest(this.#inRow);
    const openedAt = runs[0]?.[0] ?? nowMs;
    const lapsesAt = this.#reserved > 0 ? this.#lapsesAt : 0;
    const last = this.#reserved > 0 ? lapsesAt - 1 : (runs.at(-1)?.[0] ?? nowMs);
    return {
      seq: this.#seq,
      openedAt,
      stamps: packRuns(runs, openedAt),
      reserved: this.#reserved,
      lapsesAt,
      expiresAt: this.log.endOf(last),
    };
  }

  #mayReserve(nowMs: number): number {
    const { limit } = this.policy;
    if (limit < EXACT_BELOW) return 0;
    let lost = 0;
    for (const [at, count] of this.#lost) if (this.log.endOf(at) > nowMs) lost += count;
    if (lost === 0 && this.#lost.length > 0) this.#lost.length = 0;
    return Math.max(0, Math.floor((Math.floor(limit / 100) - lost) / 2));
  }
}

function rowOf({ limit, windowS }: Policy): number {
  // A month's count takes the same room whatever it is.
  return windowS === "month" ? Number.POSITIVE_INFINITY : Math.max(SMALLEST_ROW, Math.floor(limit / 100));
}

/** A row, as a clock that has stepped back sees it. */
function asOf(nowMs: number, row: SpentRow, exact: readonly Run[], log: AdmissionLog): SpentRow {
  const runs = exact.map(([stamp, count]): Run => [Math.min(stamp, nowMs), count]);
  const openedAt = Math.min(row.openedAt, nowMs);
  const lapsesAt = row.reserved === 0 ? 0 : Math.min(row.lapsesAt, log.endOf(nowMs));
  const expiresAt = Math.min(row.expiresAt, log.endOf(Math.max(lapsesAt - 1, nowMs)));
  return { ...row, openedAt, stamps: packRuns(runs, openedAt), lapsesAt, expiresAt };
}
