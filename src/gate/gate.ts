import { CLOCK_SKEW_S, TOKEN_LIFETIME_S } from "../access/access-token.ts";
import { equalConstantTime, fromBase64Url } from "../core/bytes.ts";
import { type Clock, DAY_MS, MINUTE_MS } from "../core/clock.ts";
import type { GateMessage, Posted } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import { type Decision, Limiter } from "../limits/limiter.ts";
import { LONGEST_WINDOW_MS, PING_POLICY, type Plan, policiesOf } from "../limits/plans.ts";
import { bucketStart, pingExpiresAt } from "../telemetry/bucket.ts";
import type { ClientAnswer, ClientCall, DeliverCall, PingAnswer, PingCall, TakeCall } from "./protocol.ts";
import type { FloorRow, GateStore } from "./store.ts";

/** How long a token may still be accepted after it was issued: the life of a revocation floor. */
const TOKEN_REACH_MS = (TOKEN_LIFETIME_S + 2 * CLOCK_SKEW_S) * 1000;
/** A removed client's tombstone lives as long as its row in Postgres does. */
const TOMBSTONE_MS = 90 * DAY_MS;

/** What a gate knows of its tenant; until it is told, the tenant of the first genuine token and the smallest plan. */
export interface TenantState {
  gateId: string | null;
  tenantId: Id<"tenant"> | null;
  plan: Plan;
  status: "active" | "suspended" | "closed";
}

/**
 * A tenant's gate without its surroundings: synchronous decisions on its own SQLite. Whatever a method has written is
 * durable before its answer leaves the Durable Object.
 */
export class TenantGateState {
  readonly #store: GateStore;
  readonly #clock: Clock;
  readonly #limiter: Limiter;
  readonly #floors: Map<string, FloorRow>;
  /** Place in the outbox of the last news about the tenant. */
  #heard: number;
  #tenant: TenantState;
  #forgotAtMs = 0;

  constructor(store: GateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#limiter = new Limiter((policy, subject) => store.spent(policy, subject));
    this.#floors = new Map(store.floors().map((floor) => [floor.subject, floor]));
    const meta = store.meta();
    this.#heard = Number(meta.get("tenant-message") ?? 0);
    this.#tenant = {
      gateId: (meta.get("gate") as string | undefined) ?? null,
      tenantId: (meta.get("tenant") as Id<"tenant"> | undefined) ?? null,
      plan: (meta.get("plan") as Plan | undefined) ?? "free",
      status: (meta.get("status") as TenantState["status"] | undefined) ?? "active",
    };
  }

  get tenant(): Readonly<TenantState> {
    return this.#tenant;
  }

  /** The one call of a ping: still valid? within every limit? journaled. */
  ping(call: PingCall): PingAnswer {
    this.#meet(call.gateId, call.tenantId);
    const now = this.#clock.now();
    const refusal = this.#refusal(call, now);
    if (refusal !== null) return { outcome: "refused", reason: refusal };
    if (this.#tenant.status !== "active") return { outcome: "ignored" };
    const last = this.#store.lastPing(call.instanceId, call.kind, PING_POLICY[call.kind]);
    const { decision, spending } = this.#limiter.take(
      policiesOf(this.#tenant.plan, call.kind),
      call.instanceId,
      now,
      1,
      (policy, subject) => (policy.scope === "caller" ? last.spent : this.#store.spent(policy, subject)),
    );
    if (!decision.admitted) return { outcome: "limited", decision };
    const bucket = bucketStart(call.kind, now);
    const fresh = last.bucket === null || last.bucket < bucket;
    // An instance's first ping in a while needs no row of its own for its limit: the one in the journal stands for it.
    const noted = fresh ? spending.find(({ policy, alone }) => policy.scope === "caller" && alone) : undefined;
    for (const spent of spending) if (spent !== noted) this.#store.spend(spent);
    if (!fresh) return { outcome: "repeated", decision };
    const row = {
      instance_id: call.instanceId,
      kind: call.kind,
      bucket,
      received_at: now,
      expires_at: pingExpiresAt(bucket),
      os_kind: call.os.kind,
      os_name: call.os.name,
      os_version: call.os.version,
    };
    this.#store.append(row, noted === undefined ? null : now);
    return { outcome: "recorded", decision };
  }

  /**
   * Is this client's secret the one we hold the hash of? Wrong ones are counted apart: a client id is no secret, and
   * whoever knows one must not be able to lock its owner out by guessing.
   */
  authenticateClient(call: ClientCall): ClientAnswer {
    this.#meet(call.gateId, null);
    const { gateId, tenantId } = this.#tenant;
    const client = this.#store.client(call.clientId);
    const genuine =
      client !== null &&
      client.revoked_at === null &&
      equalConstantTime(new Uint8Array(client.secret_hash), call.secretHash);
    const decision = this.take({ routeClass: genuine ? "token" : "guess", caller: call.clientId });
    if (!decision.admitted) return { outcome: "limited", decision };
    if (client === null || gateId === null || tenantId === null) return { outcome: "unknown", decision };
    if (client.revoked_at !== null) return { outcome: "revoked", decision };
    if (!genuine) return { outcome: "wrong-secret", decision };
    const instanceId = client.instance_id as Id<"instance">;
    return { outcome: "genuine", instanceId, tenantId, gateId, scope: client.scope, decision };
  }

  /** Takes from the limits of a route class and nothing else. */
  take(call: Pick<TakeCall, "routeClass" | "caller">): Decision {
    const policies = policiesOf(this.#tenant.plan, call.routeClass);
    const { decision, spending } = this.#limiter.take(policies, call.caller, this.#clock.now());
    for (const spent of spending) this.#store.spend(spent);
    this.forget();
    return decision;
  }

  /**
   * Applies what the account side has posted, and returns the ids of what it applied. Repeating it changes nothing; out
   * of order, the later one stays. A message that this version does not know, or cannot apply, waits in the outbox.
   */
  deliver(call: DeliverCall): number[] {
    this.#meet(call.gateId, null);
    return call.messages.filter((posted) => this.#apply(posted)).map((posted) => posted.id);
  }

  /** Drops what has outlived its purpose; at most once a minute, as it looks through whole tables. */
  forget(): void {
    const now = this.#clock.now();
    if (now - this.#forgotAtMs < MINUTE_MS) return;
    this.#forgotAtMs = now;
    this.#store.forget(now, bucketStart("alive", now), LONGEST_WINDOW_MS);
    for (const [subject, floor] of this.#floors) if (floor.expires_at <= now) this.#floors.delete(subject);
  }

  #refusal(call: PingCall, now: number): "token-revoked" | "instance-deleted" | null {
    if (this.#tenant.tenantId !== null && this.#tenant.tenantId !== call.tenantId) return "token-revoked";
    if (this.#floors.size === 0) return null;
    const floor = this.#floors.get(call.instanceId);
    if (floor === undefined || floor.expires_at <= now || call.issuedAtMs > floor.before_ms) return null;
    return floor.reason as "instance-deleted";
  }

  /** Remembers whose gate this is: an object's own name is not told to it in an alarm. */
  #meet(gateId: string, tenantId: Id<"tenant"> | null): void {
    if (this.#tenant.gateId === null) this.#set("gate", { gateId });
    if (this.#tenant.tenantId === null && tenantId !== null) this.#set("tenant", { tenantId });
  }

  #set(key: string, change: Partial<TenantState>): void {
    this.#tenant = { ...this.#tenant, ...change };
    this.#store.setMeta(key, Object.values(change)[0] as string);
  }

  #apply({ id, message }: Posted): boolean {
    try {
      switch (message.kind) {
        case "tenant":
          return this.#applyTenant(id, message);
        case "client":
          return this.#applyClient(message);
        case "instance-removed":
          return this.#applyRemoval(message);
        default:
          return false;
      }
    } catch {
      return false;
    }
  }

  #applyClient(message: Extract<GateMessage, { kind: "client" }>): boolean {
    const hash = fromBase64Url(message.secretHash);
    if (hash === null) return false;
    this.#store.putClient(message.clientId, message.instanceId, hash, message.scope);
    return true;
  }

  #applyRemoval(message: Extract<GateMessage, { kind: "instance-removed" }>): boolean {
    const now = this.#clock.now();
    this.#store.revokeClient(message.clientId, message.instanceId, message.removedAtMs, now + TOMBSTONE_MS);
    const floor: FloorRow = {
      subject: message.instanceId,
      before_ms: Number.MAX_SAFE_INTEGER,
      reason: "instance-deleted",
      expires_at: Math.max(now, message.removedAtMs) + TOKEN_REACH_MS,
    };
    this.#store.putFloor(floor);
    this.#floors.set(floor.subject, floor);
    return true;
  }

  /** A gate serves one tenant for ever: news of another is not for it. */
  #applyTenant(id: number, message: Extract<GateMessage, { kind: "tenant" }>): boolean {
    if (this.#tenant.tenantId !== null && this.#tenant.tenantId !== message.tenantId) return false;
    if (id < this.#heard) return true;
    this.#heard = id;
    this.#store.setMeta("tenant-message", id);
    this.#set("tenant", { tenantId: message.tenantId });
    this.#set("plan", { plan: message.plan });
    this.#set("status", { status: message.status });
    return true;
  }
}
