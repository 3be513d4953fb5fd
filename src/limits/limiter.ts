import { Meter, type SpentRow } from "./meter.ts";
import { allottedName, bindingLimit, type Policy, UPSTREAM } from "./policy.ts";

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
  /** Of the policies that apply, by the tenant's own limits. */
  states: PolicyState[];
  /** Names of the policies that refused, `upstream-limit` where it was not the tenant's own limit. */
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
  /** The same for those above the tenant: allotments by their own names and figures. */
  fromAbove: () => Pick<Decision, "states" | "violated">;
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
      const own = (meters[index] as Meter).waitMs(nowMs, cost);
      if (own === 0) continue;
      wait = Math.max(wait, own);
      refusedBy.push(policy);
    }
    const admitted = refusedBy.length === 0;
    let elsewhere = false;
    for (const [index, application] of applications.entries()) {
      const meter = meters[index] as Meter;
      const rows = admitted ? meter.admit(nowMs, application.cost ?? 1, application.elsewhere) : meter.pending();
      if (rows === null) elsewhere = true;
      else collect(writes, application, rows);
      this.#weigh(meter);
    }
    const states = meters.map((meter) => stateOf(meter, nowMs));
    const violated = new Set(refusedBy.map((policy) => (policy.allotted === undefined ? policy.name : UPSTREAM)));
    const fromAbove = () => ({
      states: meters.flatMap((meter) => statesOf(meter, nowMs)),
      violated: refusedBy.map(({ name, allotted }) => (allotted === undefined ? name : allottedName(name))),
    });
    const decision = { admitted, states, violated: [...violated], retryAfterS: Math.ceil(wait / 1000) };
    if (this.#bytes > this.#bounds.bytes || this.#held > this.#bounds.meters) this.#letGo(nowMs, writes);
    return { decision, fromAbove, writes, elsewhere };
  }

  /** How a policy stands: by the tenant's own limit, and after it by what is allotted. Takes nothing. */
  look({ policy, subject }: Application, nowMs: number): { states: PolicyState[]; writes: Write[] } {
    const writes: Write[] = [];
    const meter = this.#meter(policy, subject, nowMs, this.#load, writes);
    meter.waitMs(nowMs, 1);
    const states = statesOf(meter, nowMs);
    collect(writes, { policy, subject }, meter.pending());
    this.#weigh(meter);
    if (this.#held > this.#bounds.meters) this.#letGo(nowMs, writes);
    return { states, writes };
  }

  /** What the limiter holds: meters, and bytes of their admissions. */
  get held(): LimiterBounds {
    return { meters: this.#held, bytes: this.#bytes };
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
      if (isSame(known.policy, policy)) return known;
      const changed = known.changedTo(policy, nowMs);
      subjects.set(subject, changed);
      this.#bytes -= known.weighed;
      this.#weigh(changed);
      collect(writes, { policy, subject }, changed.pending());
      return changed;
    }
    const meter = Meter.restored(policy, load(policy, subject), nowMs);
    subjects.set(subject, meter);
    this.#held += 1;
    this.#weigh(meter);
    return meter;
  }

  /** Admissions come and go in a log, also when it is only asked: what was counted of it before is what is replaced. */
  #weigh(meter: Meter): void {
    const { bytes } = meter.log;
    this.#bytes += bytes - meter.weighed;
    meter.weighed = bytes;
  }

  /** Lets go of the meters that came first, until half the room is free. Nothing is lost: they are written down. */
  #letGo(nowMs: number, writes: Write[]): void {
    for (const [policy, subjects] of this.#meters) {
      for (const [subject, meter] of subjects) {
        if (this.#held <= this.#bounds.meters / 2 && this.#bytes <= this.#bounds.bytes / 2) return;
        collect(writes, { policy: meter.policy, subject }, meter.settle(nowMs));
        subjects.delete(subject);
        this.#held -= 1;
        this.#bytes -= meter.weighed;
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

function isSame(a: Policy, b: Policy): boolean {
  return a === b || (a.limit === b.limit && a.windowS === b.windowS && a.allotted === b.allotted);
}

/** By the tenant's own limit, whatever binds. */
function stateOf({ policy, log }: Meter, nowMs: number): PolicyState {
  const { name, limit, windowS } = policy;
  const remaining = Math.max(0, limit - log.size);
  return { name, limit, windowS, remaining, resetS: Math.ceil(log.resetMs(nowMs) / 1000) };
}

/** And by what is allotted, where that binds. */
function statesOf(meter: Meter, nowMs: number): PolicyState[] {
  const own = stateOf(meter, nowMs);
  if (meter.policy.allotted === undefined) return [own];
  const limit = bindingLimit(meter.policy);
  return [own, { ...own, name: allottedName(own.name), limit, remaining: Math.max(0, limit - meter.log.size) }];
}
