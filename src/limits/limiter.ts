import type { Policy } from "./plans.ts";
import { SlidingLog } from "./sliding-log.ts";

/** How one policy stands after a decision. Times in whole seconds, rounded up: waiting that long is enough. */
export interface PolicyState {
  name: string;
  limit: number;
  windowS: number;
  remaining: number;
  resetS: number;
}

export interface Decision {
  admitted: boolean;
  states: PolicyState[];
  /** Names of the policies that refused. */
  violated: string[];
  /** Seconds after which the same call would be admitted, were it alone. 0 when it was. */
  retryAfterS: number;
}

/** Admissions that were written down in one go: `count` of them, none before `openedAt` (ms). */
export interface SpentChunk {
  openedAt: number;
  count: number;
}

/** A chunk that must be written down before the answer that it admits is sent. */
export interface Spending {
  policy: Policy;
  subject: string;
  chunk: SpentChunk;
  /** Nothing else is admitted in the policy's window: the chunk alone is the whole log. */
  alone: boolean;
}

/** What was written down before this process began, oldest first. */
export type LoadSpent = (policy: Policy, subject: string) => SpentChunk[];

interface Meter {
  log: SlidingLog;
  /** Admissions written down ahead and not yet used, and until when they may be: a chunk lapses with its window. */
  reserved: number;
  lapsesAt: number;
}

/** At most this many meters of single callers are kept in memory; the others are read again when they are needed. */
const METERS = 20_000;

/**
 * Decides over every policy that applies at once: refused by one means charged by none. Limits below 100 write every
 * admission; larger ones write down a hundredth of the limit ahead of its use, so that after a restart only the chunk
 * that was open counts as spent, though it may not have been: never over the limit, under by at most one chunk.
 */
export class Limiter {
  readonly #load: LoadSpent;
  readonly #meters = new Map<string, Meter>();

  constructor(load: LoadSpent) {
    this.#load = load;
  }

  /** Takes `cost` from every policy for this caller, or from none. The caller of this writes down what was spent. */
  take(
    policies: readonly Policy[],
    caller: string,
    nowMs: number,
    cost = 1,
    load: LoadSpent = this.#load,
  ): { decision: Decision; spending: Spending[] } {
    const meters = policies.map((policy) => this.#meter(policy, caller, nowMs, load));
    const waits = meters.map((meter) => meter.log.waitMs(nowMs, cost));
    const admitted = waits.every((wait) => wait === 0);
    const spending: Spending[] = [];
    if (admitted) {
      for (const [index, policy] of policies.entries()) {
        const spent = spend(policy, caller, meters[index] as Meter, nowMs, cost);
        if (spent !== null) spending.push(spent);
      }
    }
    const decision: Decision = {
      admitted,
      states: policies.map((policy, index) => stateOf(policy, (meters[index] as Meter).log, nowMs)),
      violated: policies.filter((_, index) => waits[index] !== 0).map((policy) => policy.name),
      retryAfterS: Math.ceil(Math.max(0, ...waits) / 1000),
    };
    return { decision, spending };
  }

  #meter(policy: Policy, caller: string, nowMs: number, load: LoadSpent): Meter {
    const subject = subjectOf(policy, caller);
    const key = `${policy.name} ${subject}`;
    const known = this.#meters.get(key);
    if (known !== undefined && known.log.limit === policy.limit && known.log.windowMs === policy.windowS * 1000) {
      return known;
    }
    const meter: Meter = { log: new SlidingLog(policy.limit, policy.windowS * 1000), reserved: 0, lapsesAt: 0 };
    restore(meter.log, load(policy, subject), nowMs);
    if (this.#meters.size >= METERS) this.#forgetSingles();
    this.#meters.set(key, meter);
    return meter;
  }

  /** Lets go of the meters that can be read again without loss: those that reserve nothing. */
  #forgetSingles(): void {
    for (const [key, meter] of this.#meters) {
      if (meter.reserved === 0) this.#meters.delete(key);
      if (this.#meters.size <= METERS / 2) return;
    }
  }
}

/** Counts an admission; returns the chunk to write down when what was written down before is used up. */
function spend(policy: Policy, caller: string, meter: Meter, nowMs: number, cost: number): Spending | null {
  meter.log.add(nowMs, cost);
  // What a chunk admits lies within one window of its opening, so its row can be forgotten after two.
  if (nowMs >= meter.lapsesAt) meter.reserved = 0;
  meter.reserved -= cost;
  if (meter.reserved >= 0) return null;
  const count = Math.max(chunkOf(policy.limit), cost);
  meter.reserved = count - cost;
  meter.lapsesAt = nowMs + policy.windowS * 1000;
  const alone = meter.log.size === cost && count === cost;
  return { policy, subject: subjectOf(policy, caller), chunk: { openedAt: nowMs, count }, alone };
}

function chunkOf(limit: number): number {
  return limit < 100 ? 1 : Math.floor(limit / 100);
}

function subjectOf(policy: Policy, caller: string): string {
  return policy.scope === "tenant" ? "" : caller;
}

/** A chunk's admissions came before the next chunk was opened, within a window, and no later than now. */
function restore(log: SlidingLog, chunks: SpentChunk[], nowMs: number): void {
  for (const [index, chunk] of chunks.entries()) {
    const closed = Math.min(chunks[index + 1]?.openedAt ?? nowMs, chunk.openedAt + log.windowMs);
    const stamp = chunk.count === 1 ? chunk.openedAt : closed;
    if (stamp > nowMs - log.windowMs) log.add(Math.min(stamp, nowMs), chunk.count);
  }
}

function stateOf(policy: Policy, log: SlidingLog, nowMs: number): PolicyState {
  return {
    name: policy.name,
    limit: policy.limit,
    windowS: policy.windowS,
    remaining: log.remaining(nowMs),
    resetS: Math.ceil(log.resetMs(nowMs) / 1000),
  };
}
