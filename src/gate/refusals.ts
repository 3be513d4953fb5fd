import { HOUR_MS, SECOND_MS } from "../core/clock.ts";
import type { Taken } from "../limits/limiter.ts";
import type { Refusal, TakeCall } from "./protocol.ts";
import type { GateStore } from "./store.ts";

/** Refusals that a gate remembers, and how long. Whoever is refused thousands of times a second sees the last of them. */
const KEPT = 50;
const KEPT_MS = HOUR_MS;
/** They are written down so often at most: a row for each would let a refused caller wear out the disk. */
const WRITTEN_EVERY_MS = 10 * SECOND_MS;
/** Where they are kept in the gate's `meta`. */
const KEY = "refusals";
/** Of a key's hash, enough to tell one from another. */
const HASH_LENGTH = 12;

/** The last calls that limits refused, for whoever asks why. */
export class Refusals {
  readonly #store: GateStore;
  /** Oldest first. */
  #kept: Refusal[];
  #written: boolean = true;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(store: GateStore) {
    this.#store = store;
    this.#kept = JSON.parse(String(store.meta(KEY) ?? "[]")) as Refusal[];
  }

  note(call: Pick<TakeCall, "requestId" | "routeClass" | "subjects">, at: number, taken: Taken): void {
    const { requestId, routeClass } = call;
    const { key, ...others } = call.subjects;
    const subjects = key === undefined ? others : { ...others, key: key.slice(0, HASH_LENGTH) };
    const { retryAfterS } = taken.decision;
    const { states, violated } = taken.fromAbove();
    this.#kept.push({
      at,
      requestId,
      routeClass,
      subjects,
      violated,
      states,
      // Null in JSON: waiting does not help.
      retryAfterS: Number.isFinite(retryAfterS) ? retryAfterS : null,
    });
    if (this.#kept.length > KEPT) this.#kept.shift();
    this.#written = false;
    if (Math.abs(at - this.#writtenAtMs) >= WRITTEN_EVERY_MS) this.#write(at);
  }

  /** Writes down what is not, and forgets what is old. */
  settle(nowMs: number): void {
    const kept = this.#kept.filter(({ at }) => at > nowMs - KEPT_MS);
    if (kept.length < this.#kept.length) {
      this.#kept = kept;
      this.#written = false;
    }
    if (!this.#written) this.#write(nowMs);
  }

  newestFirst(nowMs: number): Refusal[] {
    return this.#kept.filter(({ at }) => at > nowMs - KEPT_MS).reverse();
  }

  #write(nowMs: number): void {
    this.#written = true;
    this.#writtenAtMs = nowMs;
    if (this.#kept.length === 0) this.#store.dropMeta(KEY);
    else this.#store.setMeta(KEY, JSON.stringify(this.#kept));
  }
}
