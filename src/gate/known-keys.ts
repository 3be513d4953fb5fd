import { HOUR_MS } from "../core/clock.ts";
import type { LearnCall } from "./protocol.ts";
import type { GateStore, KnownKeyRow } from "./store.ts";

/** Keys that a gate knows at once: of more, those whose hour ends first are looked up again. */
const MOST = 500;
/** Longer facts than any key of ours has are not kept. */
const LONGEST = 16_000;

/**
 * What was looked up of live keys. Each is known until its UTC hour ends, so that the hour of its last use is written
 * down once in every hour of use, and no longer than it is valid. News of a key or of the tenant ends it at once, and
 * also what is being looked up at that moment: its ticket is of a generation that is over.
 */
export class KnownKeys {
  readonly #store: GateStore;
  readonly #rows: Map<string, KnownKeyRow>;
  /** Random, as one that counts up would begin again after the gate has slept. */
  #generation: string = crypto.randomUUID();

  constructor(store: GateStore) {
    this.#store = store;
    this.#rows = new Map(store.knownKeys().map((row) => [row.key, row]));
  }

  /** What is known of a key, by the hex of its SHA-256; null where it must be looked up. */
  get(key: string, nowMs: number): KnownKeyRow | null {
    const row = this.#rows.get(key);
    // A clock that was set back would keep it longer than its hour.
    return row !== undefined && row.expires_at > nowMs && row.expires_at <= nowMs + HOUR_MS ? row : null;
  }

  /** What a look-up that begins now has to bring back. */
  ticket(nowMs: number): string {
    return `${this.#generation} ${(Math.floor(nowMs / HOUR_MS) + 1) * HOUR_MS}`;
  }

  /** Says whether it was remembered. */
  learn({ key, facts, callsPerHour, validUntilMs, ticket }: LearnCall, nowMs: number): boolean {
    const [generation, hourEnd] = ticket.split(" ");
    const endsAt = Math.min(Number(hourEnd), validUntilMs ?? Number.POSITIVE_INFINITY);
    if (generation !== this.#generation || !(endsAt > nowMs) || facts.length > LONGEST) return false;
    const row = { key, facts, calls_per_hour: callsPerHour, expires_at: endsAt };
    this.#store.putKnownKey(row);
    this.#rows.delete(key);
    this.#rows.set(key, row);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MOST && oldest !== undefined) {
      this.#rows.delete(oldest);
      this.#store.dropKnownKey(oldest);
    }
    return true;
  }

  /** Forgets all of them, and what is under way. */
  clear(): void {
    this.#generation = crypto.randomUUID();
    if (this.#rows.size > 0) this.#store.dropKnownKeys();
    this.#rows.clear();
  }

  /** Lets go of what the store has forgotten. */
  forget(nowMs: number): void {
    for (const [key, { expires_at }] of this.#rows) if (expires_at <= nowMs) this.#rows.delete(key);
  }
}
