import { Meter, type SpentRow } from "./meter.ts";
import { type Policy, UPSTREAM } from "./policy.ts";

/** A policy that applies to a call, whose admissions it counts ("" for the tenant's), and what the call costs. */
export interface Application {
  policy: Policy;
  subject: string;
  cost?: number;
  /** An admission that stands alone in its window is written down by the caller: `Taken.elsewhere`. */
  elsewhere?: boolean;
}

/** How one policy stands. Times in whole seconds, rounded up: waiting that long is enough. */
export interface PolicyState {
  name: string;
  limit: number;
  windowS: number | "month";
  remaining: number;
  resetS: number;
}

export interface Decision {
  admitted: boolean;
  /** Of the policies that the caller may know of. */
  states: PolicyState[];
  /** Names of the policies that refused, `upstream-limit` for those that the caller must not know of. */
  violated: string[];
  /** Seconds after which the same call would be admitted, were it alone. 0 when it was; Infinity when it never would. */
  retryAfterS: number;
}

/** A row that must be durable before the answer to the call is sent. */
export interface Write {
  policy: string;
  subject: string;
  row: SpentRow;
}

export interface Taken {
  decision: Decision;
  /** The policies that refused, and how all that applied stand: those from above included. */
  refusedBy: Policy[];
  statesOfAll: () => PolicyState[];
  writes: Write[];
  /** The application that asked for it stands alone: the caller writes it down with what it writes anyway. */
  elsewhere: boolean;
}

/** What was written down of a policy and subject before, in any order. */
export type LoadSpent = (policy: Policy, subject: string) => SpentRow[];

/** How much is held in memory before meters are let go: they are read again when they are needed. */
export interface LimiterBounds {
  meters: number;
  bytes: number;
}
const BOUNDS: LimiterBounds = { meters: 20_000, bytes: 32 * 1024 * 1024 };

/**
 * Decides over every policy that applies to a call at once: refused by one means charged by none. Single-threaded, and
 * without I/O but for `load`: the caller writes what `take` returns, in the same turn.
 */
export class Limiter {
  readonly #load: LoadSpent;
  readonly #bounds: LimiterBounds;
  /** By policy, then subject. */
  readonly #meters = new Map<string, Map<string, Meter>>();
  #held = 0;
  #bytes = 0;

  constructor(load: LoadSpent, bounds: LimiterBounds = BOUNDS) {
    this.#load = load;
    this.#bounds = bounds;
  }

  /** Takes a call's cost from every policy that applies, or from none. `load` replaces the limiter's own for this call. */
  take(applications: readonly Application[], nowMs: number, load: LoadSpent = this.#load): Taken {
    const writes: Write[] = [];
    const meters = applications.map(({ policy, subject }) => this.#meter(policy, subject, nowMs, load, writes));
    let wait = 0;
    const refusedBy: Policy[] = [];
    for (const [index, { policy, cost = 1 }] of applications.entries()) {
      const own = (meters[index] as Meter).log.waitMs(nowMs, cost);
      if (own === 0) continue;
      wait = Math.max(wait, own);
      refusedBy.push(policy);
    }
    const admitted = refusedBy.length === 0;
    let elsewhere = false;
    for (const [index, application] of applications.entries()) {
      const meter = meters[index] as Meter;
      const bytes = meter.log.bytes;
      const rows = admitted ? meter.admit(nowMs, application.cost ?? 1, application.elsewhere) : meter.pending();
      if (rows === null) elsewhere = true;
      else if (rows.length > 0) collect(writes, application, rows);
      this.#bytes += meter.log.bytes - bytes;
    }
    const states = statesOf(applications, meters, nowMs);
    if (this.#bytes > this.#bounds.bytes || this.#held > this.#bounds.meters) this.#letGo(nowMs, writes);
    const violated = [...new Set(refusedBy.map((policy) => (policy.upstream ? UPSTREAM : policy.name)))];
    const decision = { admitted, states, violated, retryAfterS: Math.ceil(wait / 1000) };
    const statesOfAll = () => applications.map(({ policy }, index) => stateOf(policy, meters[index] as Meter, nowMs));
    return { decision, refusedBy, statesOfAll, writes, elsewhere };
  }

  /** How these policies stand, those from above included. Takes nothing. */
  look(applications: readonly Application[], nowMs: number): { states: PolicyState[]; writes: Write[] } {
    const writes: Write[] = [];
    const states = applications.map(({ policy, subject }) => {
      const meter = this.#meter(policy, subject, nowMs, this.#load, writes);
      return stateOf(policy, meter, nowMs);
    });
    if (this.#held > this.#bounds.meters) this.#letGo(nowMs, writes);
    return { states, writes };
  }

  /** What must be written so that a restart from here on loses nothing. */
  settle(nowMs: number): Write[] {
    const writes: Write[] = [];
    for (const [policy, subjects] of this.#meters) {
      for (const [subject, meter] of subjects) {
        const rows = meter.settle(nowMs);
        for (const row of rows) writes.push({ policy, subject, row });
      }
    }
    return writes;
  }

  #meter(policy: Policy, subject: string, nowMs: number, load: LoadSpent, writes: Write[]): Meter {
    let subjects = this.#meters.get(policy.name);
    if (subjects === undefined) {
      subjects = new Map();
      this.#meters.set(policy.name, subjects);
    }
    const known = subjects.get(subject);
    if (known !== undefined) {
      if (known.policy === policy) return known;
      if (known.policy.limit === policy.limit && known.policy.windowS === policy.windowS) return known;
      const changed = known.changedTo(policy, nowMs);
      this.#bytes += changed.log.bytes - known.log.bytes;
      subjects.set(subject, changed);
      collect(writes, { policy, subject }, changed.pending());
      return changed;
    }
    const meter = Meter.restored(policy, load(policy, subject), nowMs);
    subjects.set(subject, meter);
    this.#held += 1;
    this.#bytes += meter.log.bytes;
    return meter;
  }

  /** Lets go of the meters that came first, until half the room is free. Nothing is lost: they are written down. */
  #letGo(nowMs: number, writes: Write[]): void {
    for (const [policy, subjects] of this.#meters) {
      for (const [subject, meter] of subjects) {
        if (this.#held <= this.#bounds.meters / 2 && this.#bytes <= this.#bounds.bytes / 2) return;
        collect(writes, { policy: meter.policy, subject }, meter.settle(nowMs));
        subjects.delete(subject);
        this.#held -= 1;
        this.#bytes -= meter.log.bytes;
      }
      this.#meters.delete(policy);
    }
  }
}

function collect(
  writes: Write[],
  { policy, subject }: Pick<Application, "policy" | "subject">,
  rows: readonly SpentRow[],
): void {
  for (const row of rows) writes.push({ policy: policy.name, subject, row });
}

function statesOf(applications: readonly Application[], meters: readonly Meter[], nowMs: number): PolicyState[] {
  const states: PolicyState[] = [];
  for (const [index, { policy }] of applications.entries()) {
    if (!policy.upstream) states.push(stateOf(policy, meters[index] as Meter, nowMs));
  }
  return states;
}

function stateOf({ name, limit, windowS }: Policy, { log }: Meter, nowMs: number): PolicyState {
  return {
    name,
    limit,
    windowS,
    remaining: log.remaining(nowMs),
    resetS: Math.ceil(log.resetMs(nowMs) / 1000),
  };
}
