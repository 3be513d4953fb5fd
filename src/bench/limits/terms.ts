import type { Policy } from "../../limits/policy.ts";

/** Everyone who decides in this bench, by the name that the Worker knows them by. */
export const PEERS = ["flexible", "hono", "binding", "two-counter", "bucket", "spacing"] as const;
export const SUBJECTS = ["ours", ...PEERS] as const;
export type Subject = (typeof SUBJECTS)[number];
/** Calls that decide nothing: `bare` answers yes, `answer` a constant of what ours answers. */
export const BARE = ["bare", "answer"] as const;
export type Caller = Subject | (typeof BARE)[number];

export const NAMES: Record<Caller, string> = {
  bare: "bare call",
  answer: "bare call, our answer",
  ours: "ours",
  flexible: "rate-limiter-flexible",
  hono: "hono-rate-limiter",
  binding: "Workers binding",
  "two-counter": "two counters",
  bucket: "DO token bucket",
  spacing: "DO next allowed time",
};

/** What everyone is to enforce: `limit` admissions a window. */
export interface Terms {
  limit: number;
  windowS: number;
}

/** The terms of a Worker of this bench, in its text bindings. */
export interface WorkerText {
  TERMS: string;
  /** The same in our own terms: the policies that all apply at once. */
  POLICIES: string;
  /** Whether its clock is the machine's or set by the trace that it replays. */
  CLOCK: "real" | "simulated";
}

export function workerText(terms: Terms, policies: readonly Policy[], clock: WorkerText["CLOCK"]): WorkerText {
  return { TERMS: JSON.stringify(terms), POLICIES: JSON.stringify(policies), CLOCK: clock };
}

/** Arrivals to replay against a fresh object, one after another, at their times in ms. */
export interface TraceJob {
  subject: Subject;
  /** Names the object. */
  run: string;
  arrivals: readonly number[];
  /** Before which arrival the object is thrown out of memory, as a deployment does; null when never. */
  restartBefore: number | null;
}

export interface TraceResult {
  /** A `1` for each arrival that was admitted, else a `0`. */
  admitted: string;
  /** Rows written, as Cloudflare bills them: SQL rows, KV entries and alarms set. */
  writes: number;
}

/** Calls through RPC, each waiting for its answer, so many at once. */
export interface CallJob {
  caller: Caller;
  run: string;
  calls: number;
  inFlight: number;
}

/** Decisions inside our own object, each at its own simulated time, so that all of them fit the limit. */
export interface InsideJob {
  run: string;
  decisions: number;
  inFlight: number;
  beginMs: number;
  stepMs: number;
}

export interface Admitted {
  admitted: number;
}
