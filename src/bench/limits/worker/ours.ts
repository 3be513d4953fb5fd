import { type DecisionText, encodeDecision } from "../../../gate/decision-text.ts";
import { GateStore } from "../../../gate/store.ts";
import { type Decision, Limiter } from "../../../limits/limiter.ts";
import { applicationsOf } from "../policies.ts";
import type { Admitted, InsideJob } from "../terms.ts";
import { POLICIES } from "./terms.ts";
import { WatchedObject } from "./watched-object.ts";

const FORGET_MS = 60_000;
const APPLICATIONS = applicationsOf(POLICIES);

/** Our limiter on the store of a gate, as the gate itself joins them, with nothing else of a gate around. */
export class OursObject extends WatchedObject {
  readonly #store: GateStore;
  readonly #limiter: Limiter;
  #forgotAtMs = 0;

  constructor(ctx: DurableObjectState, env: never) {
    super(ctx, env);
    this.#store = new GateStore(ctx.storage);
    this.#limiter = new Limiter((policy, subject) => this.#store.spent(policy.name, subject));
  }

  take(): DecisionText {
    return encodeDecision(this.#take(Date.now()).decision);
  }

  /** Every decision counts once it is durable: what it rests on was written by it or by an earlier one. */
  async inside({ decisions, inFlight, beginMs, stepMs }: InsideJob): Promise<Admitted> {
    let begun = 0;
    let admitted = 0;
    let durable: Promise<void> = Promise.resolve();
    const decide = async () => {
      while (begun < decisions) {
        const { decision, wrote } = this.#take(beginMs + Math.floor(begun * stepMs));
        begun += 1;
        if (wrote) durable = this.ctx.storage.sync();
        await durable;
        if (decision.admitted) admitted += 1;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, decide));
    return { admitted };
  }

  #take(nowMs: number): { decision: Decision; wrote: boolean } {
    const { decision, writes } = this.#limiter.take(APPLICATIONS, nowMs);
    for (const write of writes) this.#store.spend(write);
    if (nowMs - this.#forgotAtMs >= FORGET_MS) {
      this.#forgotAtMs = nowMs;
      this.#store.forget(nowMs, {}, 0);
    }
    return { decision, wrote: writes.length > 0 };
  }
}
