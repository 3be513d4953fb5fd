import type { Clock } from "../core/clock.ts";
import { type Application, Limiter, type LoadSpent, type PolicyState, type Taken } from "../limits/limiter.ts";
import type { SpentRow } from "../limits/meter.ts";
import { POLICIES } from "../limits/plans.ts";
import { applicationsOf, type EffectivePolicy } from "../limits/settings.ts";
import { Networks } from "./networks.ts";
import type { Refusal, TakeCall } from "./protocol.ts";
import { Refusals } from "./refusals.ts";
import type { GateStore } from "./store.ts";
import type { GateTenant } from "./tenant.ts";

/** The policy that limits one instance's pings of a kind: its lone admissions are noted in the ping's own row. */
export const PING_POLICY = { alive: "alive-instance" } as const;
const WINDOWS = "windows";

/** What limits decide about. */
type Limited = Pick<TakeCall, "requestId" | "routeClass" | "subjects">;

/** The limits of a gate's tenant: what was spent of them, and whom they refused. */
export class Admissions {
  readonly #store: GateStore;
  readonly #clock: Clock;
  readonly #tenant: GateTenant;
  readonly #limiter: Limiter;
  readonly #networks: Networks;
  readonly #refusals: Refusals;

  constructor(store: GateStore, clock: Clock, tenant: GateTenant) {
    this.#store = store;
    this.#clock = clock;
    this.#tenant = tenant;
    this.#limiter = new Limiter((policy, subject) => this.spent(policy.name, subject));
    this.#networks = new Networks(store);
    this.#refusals = new Refusals(store);
    this.#stretchWindows();
  }

  /** Takes a call from every limit that applies, or from none; remembers for a while whom it refused. */
  decide(call: Limited, applications: Application[], load?: LoadSpent): Taken {
    const now = this.#clock.now();
    const taken = this.#limiter.take(applications, now, load);
    this.#writeDown(taken);
    if (!taken.decision.admitted) this.#refusals.note(call, now, taken);
    return taken;
  }

  take(call: Limited & Pick<TakeCall, "costs">): Taken {
    return this.decide(call, applicationsOf(this.#tenant.policies[call.routeClass], call.subjects, call.costs));
  }

  /** A network is counted under its name of today, and for a while under that of yesterday. */
  async takeOfNetwork(call: Limited & Pick<TakeCall, "costs">, prefix: string): Promise<Taken> {
    const policies = this.#tenant.policies[call.routeClass];
    const ofNetworks = policies.filter(({ scope }) => scope === "network");
    const windowMs = Math.max(0, ...ofNetworks.map(windowMsOf));
    const [today, ...before] = await this.#networks.subjects(prefix, this.#clock.now(), windowMs);
    const subjects = { ...call.subjects, network: today as string };
    const applications = applicationsOf(policies, subjects, call.costs);
    // Whoever else is named has one name.
    for (const network of ofNetworks.length === 0 ? [] : before) {
      applications.push(...applicationsOf(ofNetworks, { network }, call.costs));
    }
    const taken = this.decide({ ...call, subjects }, applications);
    const states = fullestFirst(taken.decision.states);
    return { ...taken, decision: { ...taken.decision, states } };
  }

  /** How a policy stands. Takes nothing. */
  look(application: Application, nowMs: number): PolicyState[] {
    const looked = this.#limiter.look(application, nowMs);
    this.#writeDown(looked);
    return looked.states;
  }

  /** What was spent of a policy; an instance's lone ping is noted where the ping is. */
  spent(policy: string, subject: string): SpentRow[] {
    if (policy === PING_POLICY.alive) return this.#store.lastPing(subject, "alive", policy).spent;
    return this.#store.spent(policy, subject);
  }

  refusals(nowMs: number): Refusal[] {
    return this.#refusals.newestFirst(nowMs);
  }

  /** Writes down what is reserved, so that falling asleep loses nothing. */
  settle(nowMs: number): void {
    for (const write of this.#limiter.settle(nowMs)) this.#store.spend(write);
    this.#refusals.settle(nowMs);
  }

  forget(nowMs: number): void {
    this.#refusals.settle(nowMs);
    this.#networks.forget(nowMs);
  }

  #writeDown({ writes }: Pick<Taken, "writes">): void {
    for (const write of writes) this.#store.spend(write);
  }

  /** A window that a new version has made longer counts what the old one would have forgotten. */
  #stretchWindows(): void {
    const windows = Object.fromEntries(POLICIES.map(({ name, windowS }) => [name, windowS]));
    const before = JSON.parse(String(this.#store.meta(WINDOWS) ?? "{}")) as typeof windows;
    if (JSON.stringify(before) === JSON.stringify(windows)) return;
    for (const [name, windowS] of Object.entries(windows)) {
      const was = before[name];
      if (typeof was === "number" && typeof windowS === "number" && windowS > was) {
        this.#store.stretch(name, (windowS - was) * 1000);
      }
    }
    this.#store.setMeta(WINDOWS, JSON.stringify(windows));
  }
}

function windowMsOf({ windowS }: EffectivePolicy): number {
  return windowS === "month" ? 0 : windowS * 1000;
}

/** One state a policy, the one with the least left: a network that is counted under two names is still one caller. */
function fullestFirst(states: readonly PolicyState[]): PolicyState[] {
  const sorted = states.toSorted((a, b) => a.remaining - b.remaining);
  return sorted.filter(({ name }, index) => sorted.findIndex((state) => state.name === name) === index);
}
