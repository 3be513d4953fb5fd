import {
  type GenerationMessage,
  REVOKED_KINDS,
  type RevokedMessage,
  type RevokedReason,
  type RevokedSubject,
} from "../core/gate-message.ts";
import { parseId, uuidFromId } from "../core/id.ts";
import type { PresentedGeneration } from "./protocol.ts";
import type { FloorRow, GateStore } from "./store.ts";

/** What was revoked and could still be presented: refused from the moment at which the gate heard of it. */
export class Floors {
  readonly #store: GateStore;
  readonly #rows: Map<string, FloorRow>;

  constructor(store: GateStore) {
    this.#store = store;
    this.#rows = new Map(store.floors().map((floor) => [floor.subject, floor]));
  }

  /**
   * Why one of these is refused, or null. `issuedAtMs` is of the credential presented. What has ended is told before what
   * a refresh would mend.
   */
  refusal(
    subjects: readonly RevokedSubject[],
    issuedAtMs: number,
    nowMs: number,
    generation?: PresentedGeneration,
  ): RevokedReason | null {
    if (this.#rows.size === 0) return null;
    for (const subject of subjects) {
      const floor = this.#live(keyOf(subject), nowMs);
      if (floor !== null && issuedAtMs <= floor.before_ms) return floor.reason as RevokedReason;
    }
    if (generation === undefined) return null;
    const floor = this.#live(generationKey(generation.personId), nowMs);
    return floor !== null && generation.generation < floor.before_ms ? "token-outdated" : null;
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
    // A kind that nothing here presents would be acknowledged, and refuse nobody.
    if (!REVOKED_KINDS.includes(subject.kind)) throw new RangeError("not a subject");
    this.#put(keyOf(subject), issuedBeforeMs ?? Number.MAX_SAFE_INTEGER, reason, untilMs);
  }

  /** The lowest generation of a person's tokens that is still accepted. Only ever raised, and throws, as above. */
  raiseGeneration({ personId, generation, untilMs }: Omit<GenerationMessage, "kind">): void {
    if (typeof personId !== "string" || ![generation, untilMs].every(Number.isSafeInteger)) {
      throw new RangeError("not a generation");
    }
    this.#put(generationKey(personId), generation, "token-outdated", untilMs);
  }

  /** Lets go of what the store has forgotten. */
  forget(nowMs: number): void {
    for (const [subject, floor] of this.#rows) if (floor.expires_at <= nowMs) this.#rows.delete(subject);
  }

  #live(key: string, nowMs: number): FloorRow | null {
    const floor = this.#rows.get(key);
    return floor !== undefined && floor.expires_at > nowMs ? floor : null;
  }

  /** The higher floor says why, and the later end holds. */
  #put(subject: string, before: number, reason: RevokedReason, untilMs: number): void {
    const known = this.#rows.get(subject);
    const floor: FloorRow = {
      subject,
      before_ms: Math.max(before, known?.before_ms ?? 0),
      reason: known !== undefined && known.before_ms > before ? known.reason : reason,
      expires_at: Math.max(untilMs, known?.expires_at ?? 0),
    };
    this.#store.putFloor(floor);
    this.#rows.set(subject, floor);
  }
}

/** A person is the same one by a typed id and by its uuid, as limits count them. */
function keyOf({ kind, id }: RevokedSubject): string {
  const person = kind === "person" ? parseId("person", id) : null;
  return `${kind} ${person === null ? id : uuidFromId("person", person)}`;
}

function generationKey(personId: string): string {
  return `generation ${personId}`;
}
