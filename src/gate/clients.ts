import { equalConstantTime, fromBase64Url } from "../core/bytes.ts";
import { DAY_MS } from "../core/clock.ts";
import type { ClientFacts, GateMessage } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import { parseGateId } from "../core/region.ts";
import { checkedFacts, factsOfBefore } from "./client-facts.ts";
import { isNursery } from "./nursery.ts";
import type { AdoptCall, ChangeCall } from "./protocol.ts";
import type { ClientRow, GateStore } from "./store.ts";

/** A removed client's tombstone lives as long as its row in Postgres does. */
const TOMBSTONE_MS = 90 * DAY_MS;
/** How long a nursery knows by itself where a client went. An instance that is gone leaves no trace after that. */
const FORWARD_MS = 90 * DAY_MS;
/** Unclaimed clients in one gate at once: whoever registers without a key must not fill the disk. */
const MOST_UNCLAIMED = 20_000;
/** Of a SHA-256. */
const HASH_BYTES = 32;

/** What a gate knows of a client id. */
export type KnownClient =
  | { state: "unknown" | "revoked" }
  | { state: "moved"; gateId: string }
  | {
      state: "live";
      claimed: boolean;
      instanceId: Id<"instance">;
      facts: ClientFacts;
      /** Whether this is the SHA-256 of its secret; null: it showed none, as only a public client may. */
      isGenuine(secretHash: Uint8Array | null): boolean;
    };

/** The clients of a gate: a tenant's own, or in a nursery those that nobody has claimed yet. */
export class Clients {
  readonly #store: GateStore;
  /** Unclaimed ones that have not expired, at least; null until it is needed. */
  #unclaimed: number | null = null;

  constructor(store: GateStore) {
    this.#store = store;
  }

  look(clientId: string, nowMs: number): KnownClient {
    const row = this.#store.client(clientId, nowMs);
    if (row === null) {
      const gateId = this.#store.forwardOf(clientId);
      return gateId === null ? { state: "unknown" } : { state: "moved", gateId };
    }
    if (row.revoked_at !== null || row.facts === null) return { state: "revoked" };
    const instanceId = row.instance_id as Id<"instance">;
    const kept = JSON.parse(row.facts) as Partial<ClientFacts>;
    const facts = { ...factsOfBefore(kept.scope ?? "", instanceId), ...kept };
    const isGenuine = (secretHash: Uint8Array | null) => shows(row, facts, secretHash);
    return { state: "live", claimed: row.claimed === 1, instanceId, facts, isGenuine };
  }

  /** Takes in an unclaimed client. Repeating it, or coming after it was claimed, changes nothing. */
  adopt({ clientId, instanceId, secretHash, client, expiresAtMs }: AdoptCall, nowMs: number): "adopted" | "full" {
    const facts = JSON.stringify(checkedFacts(client));
    if (!Number.isSafeInteger(expiresAtMs)) throw new RangeError("not when a registration expires");
    if (this.look(clientId, nowMs).state !== "unknown") return "adopted";
    this.#unclaimed ??= this.#store.unclaimed(nowMs);
    if (this.#unclaimed >= MOST_UNCLAIMED) return "full";
    this.#store.adopt(clientId, instanceId, checkedHash(secretHash), facts, expiresAtMs);
    this.#unclaimed += 1;
    return "adopted";
  }

  /** Leads there from now on; what was known of the client goes. The first word stays: a client is claimed once. */
  forward(clientId: string, toGateId: string, nowMs: number): void {
    parseGateId(toGateId);
    if (isNursery(toGateId)) throw new RangeError("a client is claimed by a tenant");
    this.#store.forward(clientId, toGateId, nowMs + FORWARD_MS);
    this.#unclaimed = null;
  }

  /** False where it is not here, or claimed: a claimed one is changed by a message. */
  change({ clientId, secretHash, client }: ChangeCall, nowMs: number): boolean {
    return this.#store.changeClient(clientId, checkedHash(secretHash), JSON.stringify(checkedFacts(client)), nowMs);
  }

  /**
   * A client of the tenant's, as the message at this place of the outbox says; one that was revoked never comes back, and
   * older news than the last changes nothing. Throws a RangeError for what is none.
   */
  put(id: number, { clientId, instanceId, secretHash, scope, client }: Extract<GateMessage, { kind: "client" }>): void {
    const hash = secretHash === null ? null : (fromBase64Url(secretHash) ?? new Uint8Array());
    const facts = client === undefined ? factsOfBefore(scope, instanceId) : checkedFacts(client);
    this.#store.putClient(clientId, instanceId, checkedHash(hash), JSON.stringify(facts), id);
  }

  /** Refused from now on, and forgotten 90 days from then on; null: not yet, its instance is still listed. */
  revoke(clientId: string, instanceId: Id<"instance">, revokedAtMs: number, forgottenFromMs: number | null): void {
    const expiresAt = forgottenFromMs === null ? null : forgottenFromMs + TOMBSTONE_MS;
    this.#store.revokeClient(clientId, instanceId, revokedAtMs, expiresAt);
  }

  /** Counts anew after the store has forgotten. */
  forget(): void {
    this.#unclaimed = null;
  }
}

function shows(row: ClientRow, facts: ClientFacts, secretHash: Uint8Array | null): boolean {
  if (row.secret_hash === null) return secretHash === null && facts.authMethod === "none";
  return secretHash !== null && equalConstantTime(new Uint8Array(row.secret_hash), secretHash);
}

function checkedHash(secretHash: Uint8Array | null): Uint8Array | null {
  if (secretHash !== null && secretHash.length !== HASH_BYTES) throw new RangeError("not a SHA-256");
  return secretHash;
}
