/** What the traffic process is asked: to read and to insert, each on a session of its own, until it is told to stop. */
export interface TrafficJob {
  connectionString: string;
  /** Whose rows: one of them a query, in turn, as its `$1`. */
  tenants: readonly string[];
  read: string;
  /** One row. */
  insert: string;
  /** Between two queries of a session: a loop without a pause would take the core that the purge needs. */
  pauseMs: number;
  /** A third session reads and keeps its transaction open for so long, then pauses shortly; null: there is none. */
  openMs: number | null;
  /** A session that looks, without a pause, which locks others hold on this table; null: nobody looks. */
  watch: string | null;
}

/** A query that was answered: when it was sent, in ms by `now()`, and how long it took. */
export interface Sample {
  at: number;
  ms: number;
}

/** A lock on the watched table that was seen held: from when to when without a gap. */
export interface HeldLock {
  mode: string;
  ms: number;
}

export interface TrafficResult {
  reads: Sample[];
  inserts: Sample[];
  locks: HeldLock[];
  /** How often the watcher looked, a second. */
  looksPerSecond: number;
}

export type TrafficRequest = { start: TrafficJob } | "stop";
export type TrafficReply = "started" | { result: TrafficResult } | { error: string };

/** Milliseconds since 1970 with fractions, the same in every process of this machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
