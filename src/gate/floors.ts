import type { RevokedMessage, RevokedReason, RevokedSubject } from "../core/gate-message.ts";
import type { FloorRow, GateStore } from "./store.ts";

/** What was revoked and could still be presented: refused from the moment at which the gate heard of it. */
export class Floors {
  readonly #store: GateStore;
  readonly #rows: Map<string, FloorRow>;

  constructor(store: GateStore) {
    this.#store = store;
    this.#rows = new Map(store.floors().map((floor) => [floor.subject, floor]));
  }

  /** Why one of these is refused, or null. `issuedAtMs` is of the credential presented. */
  refusal(subjects: readonly RevokedSubject[], issuedAtMs: number, nowMs: number): RevokedReason | null {
    if (this.#rows.size === 0) return null;
    for (const subject of subjects) {
      const floor = this.#rows.get(keyOf(subject));
      if (floor !== undefined && floor.expires_at > nowMs && issuedAtMs <= floor.before_ms) {
        return floor.reason as RevokedReason;
      }
    }
    return null;
  }

  /**
   * Only ever raised: a message that comes late or twice takes nothing back. Throws a RangeError for one without a
   * subject or an end, before anything of it is written down.
   */
  raise({ subject, reason, issuedBeforeMs, untilMs }: Omit<RevokedMessage, "kind">): void {
    const times = [untilMs, ...(issuedBeforeMs === null ? [] : [issuedBeforeMs])];
    if (typeof subject.id !== "string" || typeof reason !== "string" || !times.every(Number.isSafeInteger)) {
      throw new RangeError("not a revocation");
    }
    const key = keyOf(subject);
    const known = this.#rows.get(key);
    const floor: FloorRow = {
      subject: key,
      before_ms: Math.max(issuedBeforeMs ?? Number.MAX_SAFE_INTEGER, known?.before_ms ?? 0),
      reason,
      expires_at: Math.max(untilMs, known?.expires_at ?? 0),
    };
    this.#store.putFloor(floor);
    this.#rows.set(key, floor);
  }

  /** Lets go of what the store has forgotten. */
  forget(nowMs: number): void {
    for (const [subject, floor] of this.#rows) if (floor.expires_at <= nowMs) this.#rows.delete(subject);
  }
}

function keyOf({ kind, id }: RevokedSubject): string {
  return `${kind} ${id}`;
}
