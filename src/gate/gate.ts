import { TOKEN_LIFETIME_S, USER_TOKEN_LIFETIME_S } from "../access/access-token.ts";
import { CLOCK_SKEW_S } from "../access/signed-claims.ts";
import { type Clock, MINUTE_MS } from "../core/clock.ts";
import type { ClientFacts, GateMessage, Posted, RevokedReason, RevokedSubject } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import type { Application, Decision } from "../limits/limiter.ts";
import { policyNamed } from "../limits/plans.ts";
import { applicationsOf, keyCalls } from "../limits/settings.ts";
import { askedExpiresAt, BUCKET_MS, bucketStart, type JournalKind, pingExpiresAt } from "../telemetry/bucket.ts";
import { Admissions, PING_POLICY } from "./admissions.ts";
import { Ancestors } from "./ancestors.ts";
import { Clients } from "./clients.ts";
import { type DecisionText, encodeDecision } from "./decision-text.ts";
import { Floors } from "./floors.ts";
import { inspectKeyCalls, inspectPolicies } from "./inspect.ts";
import { KnownKeys } from "./known-keys.ts";
import { isNursery } from "./nursery.ts";
import type {
  AdoptCall,
  ChangeCall,
  ClaimedClient,
  ClientAnswer,
  ClientCall,
  ClientLookup,
  ClientLookupAnswer,
  DeliverCall,
  ForwardCall,
  InspectCall,
  Inspection,
  JudgeCall,
  Judgement,
  LearnCall,
  PingAnswer,
  PingCall,
  RecordAnswer,
  RecordCall,
  TakeAnswer,
  TakeCall,
} from "./protocol.ts";
import type { GateStore } from "./store.ts";
import { GateTenant, type TenantState } from "./tenant.ts";

/** How long a token, an instance's or a person's, may still be accepted after it was issued: the life of a floor. */
const TOKEN_REACH_MS = (Math.max(TOKEN_LIFETIME_S, USER_TOKEN_LIFETIME_S) + 2 * CLOCK_SKEW_S) * 1000;

/**
 * A tenant's gate, or a nursery's, without its surroundings: decisions on its own SQLite. Whatever a method has written is
 * durable before its answer leaves the Durable Object.
 */
export class TenantGateState {
  readonly #store: GateStore;
  readonly #clock: Clock;
  readonly #admissions: Admissions;
  readonly #clients: Clients;
  readonly #floors: Floors;
  readonly #tenant: GateTenant;
  readonly #keys: KnownKeys;
  readonly ancestors = new Ancestors();
  #forgotAtMs = 0;

  constructor(store: GateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#tenant = new GateTenant(store);
    this.#admissions = new Admissions(store, clock, this.#tenant);
    this.#clients = new Clients(store);
    this.#floors = new Floors(store);
    this.#keys = new KnownKeys(store);
    this.ancestors.are(this.#tenant.state.ancestors);
  }

  get tenant(): Readonly<TenantState> {
    return this.#tenant.state;
  }

  /** The one call of a ping: still valid? within every limit? journaled, and of the moment nothing but the day. */
  ping(call: PingCall): PingAnswer {
    this.#tenant.meet(call.gateId, call.tenantId);
    const now = this.#clock.now();
    if (this.tenant.tenantId !== call.tenantId) return { outcome: "refused", reason: "token-revoked" };
    const presented: RevokedSubject[] = [
      { kind: "instance", id: call.instanceId },
      { kind: "token", id: call.tokenId },
    ];
    const reason = this.#floors.refusal(presented, call.issuedAtMs, now);
    if (reason !== null) return { outcome: "refused", reason };
    if (this.#isSuspended()) return { outcome: "ignored" };
    const last = this.#store.lastPing(call.instanceId, call.kind, PING_POLICY[call.kind]);
    const bucket = bucketStart(call.kind, now);
    const fresh = last.bucket === null || last.bucket < bucket;
    const subjects = { instance: call.instanceId };
    const applications = applicationsOf(this.#tenant.policies[call.kind], subjects);
    // An instance's first ping in a while needs no row of its own for its limit: the one in the journal stands for it.
    const own = applications.find(({ policy }) => policy.name === PING_POLICY[call.kind]);
    if (own !== undefined) own.elsewhere = fresh;
    const { decision, elsewhere } = this.#admissions.decide(
      { requestId: call.requestId, routeClass: call.kind, subjects },
      applications,
      (policy, subject) =>
        policy.name === PING_POLICY[call.kind] ? last.spent : this.#admissions.spent(policy.name, subject),
    );
    if (!decision.admitted) return { outcome: "limited", decision: encodeDecision(decision) };
    if (!fresh) {
      // A gate that nobody but repeated pings wakes forgets too.
      this.forget();
      return { outcome: "repeated", decision: encodeDecision(decision) };
    }
    const row = {
      instance_id: call.instanceId,
      person_id: null,
      kind: call.kind,
      bucket,
      expires_at: pingExpiresAt(bucket),
      os_kind: call.os.kind,
      os_name: call.os.name,
      os_version: call.os.version,
    };
    this.#store.append(row, elsewhere ? now : null);
    return { outcome: "recorded", decision: encodeDecision(decision) };
  }

  /**
   * The one call of what a person's token asks about itself. Journaled once an hour a person and instance, however often
   * it is asked, and of the moment nothing but the hour.
   */
  record(call: RecordCall): RecordAnswer {
    const { kind, instanceId, personId, generation, issuedAtMs, requestId } = call;
    this.#tenant.meet(call.gateId, call.tenantId);
    const now = this.#clock.now();
    const presented: RevokedSubject[] = [
      { kind: "instance", id: instanceId },
      { kind: "session", id: call.familyId },
      { kind: "token", id: call.tokenId },
      { kind: "person", id: personId },
    ];
    const reason = this.#refusal(call.tenantId, presented, issuedAtMs, { personId, generation });
    if (reason !== null) return { outcome: "refused", reason };
    const taken = this.#take({ requestId, routeClass: kind, subjects: { instance: instanceId } });
    const decision = encodeDecision(taken.decision);
    if (!taken.decision.admitted) return { outcome: "limited", decision };
    const bucket = bucketStart(kind, now);
    const last = this.#store.lastAsked(instanceId, personId, kind);
    if (last !== null && last >= bucket) return { outcome: "repeated", decision };
    const row = {
      instance_id: instanceId,
      person_id: personId,
      kind,
      bucket,
      expires_at: askedExpiresAt(bucket),
      os_kind: null,
      os_name: null,
      os_version: null,
    };
    this.#store.append(row, null);
    return { outcome: "recorded", decision };
  }

  /** Whether a token that is genuine is still accepted. */
  judge({ gateId, tenantId, presented, issuedAtMs, generation }: JudgeCall): Judgement {
    this.#tenant.meet(gateId, tenantId);
    return { reason: this.#refusal(tenantId, presented, issuedAtMs, generation) };
  }

  /**
   * Is this client's secret the one we hold the hash of? Wrong ones are counted apart: a client id is no secret, and
   * whoever knows one must not be able to lock its owner out by guessing.
   */
  authenticateClient(call: ClientCall): ClientAnswer {
    this.#tenant.meet(call.gateId, null);
    const { clientId, secretHash, requestId, routeClass = "token" } = call;
    const known = this.#clients.look(clientId, this.#clock.now());
    if (known.state === "moved") return { outcome: "moved", gateId: known.gateId };
    const genuine = known.state === "live" && known.isGenuine(secretHash);
    const taken = this.#take({
      requestId,
      routeClass: genuine ? routeClass : "guess",
      subjects: { client: clientId },
    });
    const decision = encodeDecision(taken.decision);
    if (!taken.decision.admitted) return { outcome: "limited", decision };
    if (known.state !== "live") return { outcome: known.state, decision };
    const claimed = this.#claimed(known);
    if (claimed === undefined) return { outcome: "unknown", decision };
    if (!genuine) return { outcome: "wrong-secret", decision };
    // The version before reads whose it is beside the outcome.
    const before = (call.v as number) === 1 ? { ...claimed, scope: known.facts.scope } : {};
    return { outcome: "genuine", claimed, client: known.facts, decision, ...before };
  }

  /** What a client is, without a secret. */
  client({ gateId, clientId }: ClientLookup): ClientLookupAnswer {
    this.#tenant.meet(gateId, null);
    const known = this.#clients.look(clientId, this.#clock.now());
    if (known.state === "moved") return { outcome: "moved", gateId: known.gateId };
    if (known.state !== "live") return { outcome: known.state };
    const claimed = this.#claimed(known);
    return claimed === undefined ? { outcome: "unknown" } : { outcome: "known", claimed, client: known.facts };
  }

  /** Takes in an unclaimed client. Throws a RangeError in a tenant's gate, and for what no client could register. */
  adopt(call: AdoptCall): "adopted" | "full" {
    this.#meetNursery(call.gateId);
    this.forget();
    return this.#clients.adopt(call, this.#clock.now());
  }

  /** Leads to the gate that claimed the client. Throws a RangeError in a tenant's gate, and for what is no such gate. */
  forward({ gateId, clientId, toGateId }: ForwardCall): void {
    this.#meetNursery(gateId);
    this.#clients.forward(clientId, toGateId, this.#clock.now());
  }

  /** Changes what an unclaimed client registered. Throws a RangeError for what no client could register. */
  change(call: ChangeCall): boolean {
    this.#tenant.meet(call.gateId, null);
    return this.#clients.change(call, this.#clock.now());
  }

  /** Still valid? within every limit? For whatever is decided elsewhere. */
  async take(call: TakeCall): Promise<TakeAnswer> {
    this.#tenant.meet(call.gateId, null);
    const { subjects, issuedAtMs = Number.NEGATIVE_INFINITY, presented: others = [], generation } = call;
    const presented: RevokedSubject[] = [...others];
    if (subjects.key !== undefined) presented.push({ kind: "key", id: subjects.key });
    if (subjects.instance !== undefined) presented.push({ kind: "instance", id: subjects.instance });
    if (subjects.person !== undefined) presented.push({ kind: "person", id: subjects.person });
    const reason = this.#refusal(null, presented, issuedAtMs, generation);
    if (reason !== null) return { outcome: "refused", reason };
    if (call.facts === true && subjects.key !== undefined) return this.#takeOfKey(call, subjects.key);
    if (subjects.network === undefined) return answerOf(this.#take(call).decision);
    const { decision } = await this.#admissions.takeOfNetwork(call, subjects.network);
    this.forget();
    return answerOf(decision);
  }

  /** What a look-up found of a key, and whether this call of it is within the key's own limit. */
  learn(call: LearnCall): TakeAnswer {
    this.#tenant.meet(call.gateId, null);
    const subjects = { key: call.key };
    // Heard while it was looked up.
    const reason = this.#refusal(null, [{ kind: "key", id: call.key }], Number.NEGATIVE_INFINITY);
    if (reason !== null) return { outcome: "refused", reason };
    this.#keys.learn(call, this.#clock.now());
    const own = this.#ownLimit(call.key, call.takes ? call.callsPerHour : null);
    const taken = this.#admissions.decide({ requestId: call.requestId, routeClass: "account", subjects }, own);
    this.forget();
    return answerOf(taken.decision);
  }

  /**
   * Applies what the account side has posted, and returns the ids of what it applied. Repeating it changes nothing; out
   * of order, the later one stays. A message that this version does not know, or cannot apply, waits in the outbox.
   */
  deliver(call: DeliverCall): number[] {
    this.#tenant.meet(call.gateId, null);
    return call.messages.filter((posted) => this.#apply(posted)).map((posted) => posted.id);
  }

  inspect({ gateId, subjects }: InspectCall): Inspection {
    this.#tenant.meet(gateId, null);
    const now = this.#clock.now();
    const { status, plan } = this.tenant;
    const look = (application: Application) => this.#admissions.look(application, now);
    const policies = inspectPolicies(this.#tenant, subjects, look);
    const own = subjects.key === undefined ? null : (this.#keys.get(subjects.key, now)?.calls_per_hour ?? null);
    if (subjects.key !== undefined && own !== null) policies.push(inspectKeyCalls(own, subjects.key, look));
    return { status, plan, policies, refusals: this.#admissions.refusals(now) };
  }

  /** Writes down what is reserved, so that falling asleep loses nothing. */
  settle(): void {
    this.#admissions.settle(this.#clock.now());
  }

  /** Drops what has outlived its purpose; at most once a minute, as it looks through whole tables. */
  forget(): void {
    const now = this.#clock.now();
    // A clock that was set back must not put it off.
    if (Math.abs(now - this.#forgotAtMs) < MINUTE_MS) return;
    this.#forgotAtMs = now;
    const windowMs = Number(policyNamed(PING_POLICY.alive)?.windowS) * 1000;
    const kinds = Object.keys(BUCKET_MS) as JournalKind[];
    this.#store.forget(now, Object.fromEntries(kinds.map((kind) => [kind, bucketStart(kind, now)])), windowMs);
    this.#floors.forget(now);
    this.#clients.forget();
    this.#admissions.forget(now);
    this.#keys.forget(now);
  }

  #isSuspended(): boolean {
    return this.tenant.status !== "active" || this.ancestors.suspended;
  }

  /** Why a credential is refused, whatever it asks. `tenantId` null: it names none, and its gate was found by itself. */
  #refusal(
    tenantId: Id<"tenant"> | null,
    presented: readonly RevokedSubject[],
    issuedAtMs: number,
    generation?: JudgeCall["generation"],
  ): RevokedReason | "tenant-suspended" | null {
    if (tenantId !== null && this.tenant.tenantId !== tenantId) return "token-revoked";
    const reason = this.#floors.refusal(presented, issuedAtMs, this.#clock.now(), generation);
    return reason ?? (this.#isSuspended() ? "tenant-suspended" : null);
  }

  /** Whose a client is, null where it is unclaimed; undefined while the gate has not heard of its tenant. */
  #claimed(known: {
    claimed: boolean;
    instanceId: Id<"instance">;
    facts: ClientFacts;
  }): ClaimedClient | null | undefined {
    if (!known.claimed) return null;
    const { gateId, tenantId } = this.tenant;
    return gateId === null || tenantId === null ? undefined : { instanceId: known.instanceId, tenantId, gateId };
  }

  #meetNursery(gateId: string): void {
    if (!isNursery(gateId)) throw new RangeError("unclaimed clients are in nurseries");
    this.#tenant.meet(gateId, null);
  }

  #take(call: Pick<TakeCall, "requestId" | "routeClass" | "subjects" | "costs">) {
    const taken = this.#admissions.take(call);
    this.forget();
    return taken;
  }

  #takeOfKey(call: TakeCall, key: string): TakeAnswer {
    const now = this.#clock.now();
    const known = this.#keys.get(key, now);
    const plan = applicationsOf(this.#tenant.policies[call.routeClass], call.subjects, call.costs);
    const own = this.#ownLimit(key, known?.calls_per_hour ?? null);
    const { decision } = this.#admissions.decide(call, [...plan, ...own]);
    this.forget();
    const answer = { ...answerOf(decision), ticket: this.#keys.ticket(now) };
    return known === null ? answer : { ...answer, facts: known.facts };
  }

  #ownLimit(key: string, callsPerHour: number | null): Application[] {
    return callsPerHour === null ? [] : [{ policy: keyCalls(callsPerHour), subject: key }];
  }

  #apply({ id, message }: Posted): boolean {
    try {
      switch (message.kind) {
        case "tenant": {
          const heard = this.#tenant.hear(id, message);
          this.ancestors.are(this.tenant.ancestors);
          this.#keys.clear();
          return heard;
        }
        case "client":
          this.#clients.put(id, message);
          return true;
        case "instance-removed":
          this.#applyRemoval(message);
          return true;
        case "client-revoked":
          this.#applyRevocation(message);
          return true;
        case "revoked":
          this.#floors.raise(message);
          if (message.subject.kind === "key" || message.subject.kind === "person") this.#keys.clear();
          return true;
        case "generation":
          this.#floors.raiseGeneration(message);
          return true;
        case "keys-changed":
          this.#keys.clear();
          return true;
        default:
          return false;
      }
    } catch {
      return false;
    }
  }

  #applyRemoval({ instanceId, clientId, removedAtMs }: Extract<GateMessage, { kind: "instance-removed" }>): void {
    const now = this.#clock.now();
    this.#clients.revoke(clientId, instanceId, removedAtMs, now);
    this.#floors.raise({
      subject: { kind: "instance", id: instanceId },
      reason: "instance-deleted",
      issuedBeforeMs: null,
      untilMs: Math.max(now, removedAtMs) + TOKEN_REACH_MS,
    });
  }

  #applyRevocation({ instanceId, clientId, revokedAtMs }: Extract<GateMessage, { kind: "client-revoked" }>): void {
    const latestMs = Math.max(this.#clock.now(), revokedAtMs);
    this.#clients.revoke(clientId, instanceId, revokedAtMs, null);
    this.#floors.raise({
      subject: { kind: "instance", id: instanceId },
      reason: "token-revoked",
      // Until it heard of it this gate let tokens be issued, by clocks that may be ahead of its own.
      issuedBeforeMs: latestMs + CLOCK_SKEW_S * 1000,
      untilMs: latestMs + TOKEN_REACH_MS,
    });
  }
}

function answerOf(decision: Decision): Extract<TakeAnswer, { decision: DecisionText }> {
  return { outcome: decision.admitted ? "admitted" : "limited", decision: encodeDecision(decision) };
}
