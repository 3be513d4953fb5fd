import type { Expired } from "./subject.ts";
import { EXPIRING, type Subject } from "./terms.ts";
import type { HeldLock, Sample, TrafficResult } from "./traffic-job.ts";

/** What one subject did at one size of its table, run by run. */
export interface Series {
  subject: Subject;
  rows: number;
  /** Runs of every kind, after each of which the rows were counted. */
  ran: number;
  /** Seconds that a million expired rows would take at this rate. */
  perMillion: number[];
  /** Seconds of a VACUUM with its indexes of what the run has left rows dead in; 0 where that is nothing. */
  vacuum: number[];
  /** Latencies in ms of single queries, of all runs, before the purge and while it went on. */
  before: Record<Query, number[]>;
  during: Record<Query, number[]>;
  /** The longest wait for a lock that the server has logged of anybody who read or inserted, in ms; 0 for none above 1 ms. */
  longestWaitMs: number;
  retries: number;
  /** From runs of its own, which no timing comes from. */
  strongestLock: HeldLock | null;
  looksPerSecond: number;
  /** With a reader besides whose transactions stay open; at the largest size without `--large` alone. */
  slowReader: SlowReader | null;
}

/** The slowest of some runs. */
export interface SlowReader {
  seconds: number;
  retries: number;
  longestWaitMs: number;
  slowestMs: number;
}

export type Query = "reads" | "inserts";

/** One expiry, and who met it. */
export interface Ran {
  expired: Expired;
  traffic: TrafficResult;
  longestWaitMs: number;
  vacuumSeconds: number;
}

export function emptySeries(subject: Subject, rows: number): Series {
  return {
    subject,
    rows,
    ran: 0,
    perMillion: [],
    vacuum: [],
    before: { reads: [], inserts: [] },
    during: { reads: [], inserts: [] },
    longestWaitMs: 0,
    retries: 0,
    strongestLock: null,
    looksPerSecond: 0,
    slowReader: null,
  };
}

/** Adds what a timed run was. */
export function record(series: Series, { expired, traffic, longestWaitMs, vacuumSeconds }: Ran): void {
  series.perMillion.push((expired.seconds / EXPIRING) * 1_000_000);
  series.vacuum.push(vacuumSeconds);
  series.retries += expired.retries;
  series.longestWaitMs = Math.max(series.longestWaitMs, longestWaitMs);
  for (const query of ["reads", "inserts"] as const) {
    const { before, during } = split(traffic[query], expired);
    series.before[query].push(...before);
    series.during[query].push(...during);
  }
}

/** Latencies of what was answered before an expiry began, and of what was under way while it went on. */
export function split(
  samples: readonly Sample[],
  { from, to }: Pick<Expired, "from" | "to">,
): { before: number[]; during: number[] } {
  return {
    before: samples.filter(({ at, ms }) => at + ms < from).map(({ ms }) => ms),
    during: samples.filter(({ at, ms }) => at + ms >= from && at <= to).map(({ ms }) => ms),
  };
}
