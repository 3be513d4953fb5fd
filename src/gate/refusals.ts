import type { Taken } from "../limits/limiter.ts";
import type { Policy } from "../limits/policy.ts";
import type { Refusal, TakeCall } from "./protocol.ts";

/** Refusals that a gate remembers. Whoever is refused thousands of times a second sees the last of them. */
const KEPT = 200;

/** The last calls that limits refused, in memory alone: a row for each would let a refused caller fill the disk. */
export class Refusals {
  readonly #ring: Refusal[] = [];
  #next = 0;

  note(call: Pick<TakeCall, "requestId" | "routeClass" | "subjects">, at: number, taken: Taken): void {
    const { requestId, routeClass, subjects } = call;
    const { states, retryAfterS } = taken.decision;
    const violated = taken.refusedBy.map((policy: Policy) => policy.name);
    this.#ring[this.#next] = { at, requestId, routeClass, subjects, violated, states, retryAfterS };
    this.#next = (this.#next + 1) % KEPT;
  }

  newestFirst(): Refusal[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)].reverse();
  }
}
