import { CLOCK_SKEW_S, TOKEN_LIFETIME_S } from "../access/access-token.ts";
import { equalConstantTime, fromBase64Url } from "../core/bytes.ts";
import { type Clock, DAY_MS, MINUTE_MS } from "../core/clock.ts";
import type { GateMessage, Posted, RevokedSubject } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import { type Application, type Decision, Limiter, type PolicyState, type Taken } from "../limits/limiter.ts";
import type { SpentRow } from "../limits/meter.ts";
import { POLICIES, policyNamed } from "../limits/plans.ts";
import { applicationsOf, keyCalls } from "../limits/settings.ts";
import { bucketStart, pingExpiresAt } from "../telemetry/bucket.ts";
import { Ancestors } from "./ancestors.ts";
import { type DecisionText, encodeDecision } from "./decision-text.ts";
import { Floors } from "./floors.ts";
import { inspectKeyCalls, inspectPolicies } from "./inspect.ts";
import { KnownKeys } from "./known-keys.ts";
import { Networks } from "./networks.ts";
import type {
  ClientAnswer,
  ClientCall,
  DeliverCall,
  InspectCall,
  Inspection,
  LearnCall,
  PingAnswer,
  PingCall,
  TakeAnswer,
  TakeCall,
} from "./protocol.ts";
import { Refusals } from "./refusals.ts";
import type { GateStore } from "./store.ts";
import { GateTenant, type TenantState } from "./tenant.ts";

/** How long a token may still be accepted after it was issued: the life of a revocation floor. */
const TOKEN_REACH_MS = (TOKEN_LIFETIME_S + 2 * CLOCK_SKEW_S) * 1000;
/** A removed client's tombstone lives as long as its row in Postgres does. */
const TOMBSTONE_MS = 90 * DAY_MS;
/** The policy that limits one instance's pings of a kind: its lone admissions are noted in the ping's own row. */
const PING_POLICY = { alive: "alive-instance" } as const;
const WINDOWS = "windows";

/**
 * A tenant's gate without its surroundings: decisions on its own SQLite. Whatever a method has written is durable before
 * its answer leaves the Durable Object.
 */
export class TenantGateState {
  readonly #store: GateStore;
  readonly #clock: Clock;
  readonly #limiter: Limiter;
  readonly #floors: Floors;
  readonly #tenant: GateTenant;
  readonly #networks: Networks;
  readonly #keys: KnownKeys;
  readonly #refusals: Refusals;
  readonly ancestors = new Ancestors();
  #forgotAtMs = 0;

  constructor(store: GateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#limiter = new Limiter((policy, subject) => this.#spent(policy.name, subject));
    this.#floors = new Floors(store);
    this.#tenant = new GateTenant(store);
    this.#networks = new Networks(store);
    this.#keys = new KnownKeys(store);
    this.#refusals = new Refusals(store);
    this.ancestors.are(this.#tenant.state.ancestors);
    this.#stretchWindows();
  }

  get tenant(): Readonly<TenantState> {
    return this.#tenant.state;
  }

  /** The one call of a ping: still valid? within every limit? journaled. */
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
    const taken = this.#limiter.take(applications, now, (policy, subject) =>
      policy.name === PING_POLICY[call.kind] ? last.spent : this.#spent(policy.name, subject),
    );
    const { decision, elsewhere } = taken;
    this.#writeDown(taken);
    if (!decision.admitted) {
      this.#refusals.note({ requestId: call.requestId, routeClass: call.kind, subjects }, now, taken);
      return { outcome: "limited", decision: encodeDecision(decision) };
    }
    if (!fresh) return { outcome: "repeated", decision: encodeDecision(decision) };
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
    this.#store.append(row, elsewhere ? now : null);
    return { outcome: "recorded", decision: encodeDecision(decision) };
  }

  /**
   * Is this client's secret the one we hold the hash of? Wrong ones are counted apart: a client id is no secret, and
   * whoever knows one must not be able to lock its owner out by guessing.
   */
  authenticateClient(call: ClientCall): ClientAnswer {
    this.#tenant.meet(call.gateId, null);
    const { gateId, tenantId } = this.tenant;
    const client = this.#store.client(call.clientId);
    const genuine =
      client !== null &&
      client.revoked_at === null &&
      equalConstantTime(new Uint8Array(client.secret_hash), call.secretHash);
    const subjects = { client: call.clientId };
    const taken = this.#take({ ...call, routeClass: genuine ? "token" : "guess", subjects });
    const decision = encodeDecision(taken.decision);
    if (!taken.decision.admitted) return { outcome: "limited", decision };
    if (client === null || gateId === null || tenantId === null) return { outcome: "unknown", decision };
    if (client.revoked_at !== null) return { outcome: "revoked", decision };
    if (!genuine) return { outcome: "wrong-secret", decision };
    const instanceId = client.instance_id as Id<"instance">;
    return { outcome: "genuine", instanceId, tenantId, gateId, scope: client.scope, decision };
  }

  /** Still valid? within every limit? For whatever is decided elsewhere. */
  async take(call: TakeCall): Promise<TakeAnswer> {
    this.#tenant.meet(call.gateId, null);
    const { subjects, issuedAtMs = Number.NEGATIVE_INFINITY } = call;
    const presented: RevokedSubject[] = [];
    if (subjects.key !== undefined) presented.push({ kind: "key", id: subjects.key });
    if (subjects.instance !== undefined) presented.push({ kind: "instance", id: subjects.instance });
    if (subjects.person !== undefined) presented.push({ kind: "person", id: subjects.person });
    const reason = this.#floors.refusal(presented, issuedAtMs, this.#clock.now());
    if (reason !== null) return { outcome: "refused", reason };
    if (this.#isSuspended()) return { outcome: "refused", reason: "tenant-suspended" };
    if (call.facts === true && subjects.key !== undefined) return this.#takeOfKey(call, subjects.key);
    const { decision } =
      subjects.network === undefined ? this.#take(call) : await this.#takeOfNetwork(call, subjects.network);
    return answerOf(decision);
  }

  /** What a look-up found of a key, and whether this call of it is within the key's own limit. */
  learn(call: LearnCall): TakeAnswer {
    this.#tenant.meet(call.gateId, null);
    const now = this.#clock.now();
    const subjects = { key: call.key };
    // Heard while it was looked up.
    const reason = this.#floors.refusal([{ kind: "key", id: call.key }], Number.NEGATIVE_INFINITY, now);
    if (reason !== null) return { outcome: "refused", reason };
    if (this.#isSuspended()) return { outcome: "refused", reason: "tenant-suspended" };
    this.#keys.learn(call, now);
    const own = this.#ownLimit(call.key, call.takes ? call.callsPerHour : null);
    return answerOf(this.#decide({ requestId: call.requestId, routeClass: "account", subjects }, own).decision);
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
    const look = (application: Application) => this.#look(application, now);
    const policies = inspectPolicies(this.#tenant, subjects, look);
    const own = subjects.key === undefined ? null : (this.#keys.get(subjects.key, now)?.calls_per_hour ?? null);
    if (subjects.key !== undefined && own !== null) policies.push(inspectKeyCalls(own, subjects.key, look));
    return { status, plan, policies, refusals: this.#refusals.newestFirst(now) };
  }

  /** Writes down what is reserved, so that falling asleep loses nothing. */
  settle(): void {
    const now = this.#clock.now();
    for (const write of this.#limiter.settle(now)) this.#store.spend(write);
    this.#refusals.settle(now);
  }

  /** Drops what has outlived its purpose; at most once a minute, as it looks through whole tables. */
  forget(): void {
    const now = this.#clock.now();
    if (now - this.#forgotAtMs < MINUTE_MS) return;
    this.#forgotAtMs = now;
    const windowMs = Number(policyNamed(PING_POLICY.alive)?.windowS) * 1000;
    this.#store.forget(now, bucketStart("alive", now), windowMs);
    this.#floors.forget(now);
    this.#refusals.settle(now);
    this.#networks.forget(now);
    this.#keys.forget(now);
  }

  #isSuspended(): boolean {
    return this.tenant.status !== "active" || this.ancestors.suspended;
  }

  #take(call: Pick<TakeCall, "requestId" | "routeClass" | "subjects" | "costs">): Taken {
    return this.#decide(call, applicationsOf(this.#tenant.policies[call.routeClass], call.subjects, call.costs));
  }

  #takeOfKey(call: TakeCall, key: string): TakeAnswer {
    const now = this.#clock.now();
    const known = this.#keys.get(key, now);
    const plan = applicationsOf(this.#tenant.policies[call.routeClass], call.subjects, call.costs);
    const { decision } = this.#decide(call, [...plan, ...this.#ownLimit(key, known?.calls_per_hour ?? null)]);
    const answer = { ...answerOf(decision), ticket: this.#keys.ticket(now) };
    return known === null ? answer : { ...answer, facts: known.facts };
  }

  #ownLimit(key: string, callsPerHour: number | null): Application[] {
    return callsPerHour === null ? [] : [{ policy: keyCalls(callsPerHour), subject: key }];
  }

  /** A network is counted under its name of today, and for a while under that of yesterday. */
  async #takeOfNetwork(call: TakeCall, prefix: string): Promise<Taken> {
    const policies = this.#tenant.policies[call.routeClass];
    const windowMs = Math.max(...policies.map(({ windowS }) => (windowS === "month" ? 0 : windowS * 1000)));
    const names = await this.#networks.subjects(prefix, this.#clock.now(), windowMs);
    const applications = names.flatMap((network) =>
      applicationsOf(policies, { ...call.subjects, network }, call.costs),
    );
    const taken = this.#decide({ ...call, subjects: { ...call.subjects, network: names[0] as string } }, applications);
    const states = fullestFirst(taken.decision.states);
    return { ...taken, decision: { ...taken.decision, states } };
  }

  #decide(call: Pick<TakeCall, "requestId" | "routeClass" | "subjects">, applications: Application[]): Taken {
    const now = this.#clock.now();
    const taken = this.#limiter.take(applications, now);
    this.#writeDown(taken);
    if (!taken.decision.admitted) this.#refusals.note(call, now, taken);
    this.forget();
    return taken;
  }

  #look(application: Application, now: number): PolicyState[] {
    const looked = this.#limiter.look(application, now);
    this.#writeDown(looked);
    return looked.states;
  }

  /** What was spent of a policy; an instance's lone ping is noted where the ping is. */
  #spent(policy: string, subject: string): SpentRow[] {
    if (policy === PING_POLICY.alive) return this.#store.lastPing(subject, "alive", policy).spent;
    return this.#store.spent(policy, subject);
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
          return this.#applyClient(message);
        case "instance-removed":
          return this.#applyRemoval(message);
        case "revoked":
          this.#floors.raise(message);
          if (message.subject.kind === "key" || message.subject.kind === "person") this.#keys.clear();
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

  #applyClient(message: Extract<GateMessage, { kind: "client" }>): boolean {
    const hash = fromBase64Url(message.secretHash);
    if (hash === null) return false;
    this.#store.putClient(message.clientId, message.instanceId, hash, message.scope);
    return true;
  }

  #applyRemoval({ instanceId, clientId, removedAtMs }: Extract<GateMessage, { kind: "instance-removed" }>): boolean {
    const now = this.#clock.now();
    this.#store.revokeClient(clientId, instanceId, removedAtMs, now + TOMBSTONE_MS);
    this.#floors.raise({
      subject: { kind: "instance", id: instanceId },
      reason: "instance-deleted",
      issuedBeforeMs: null,
      untilMs: Math.max(now, removedAtMs) + TOKEN_REACH_MS,
    });
    return true;
  }
}

function answerOf(decision: Decision): Extract<TakeAnswer, { decision: DecisionText }> {
  return { outcome: decision.admitted ? "admitted" : "limited", decision: encodeDecision(decision) };
}

/** One state a policy, the one with the least left: a network that is counted under two names is still one caller. */
function fullestFirst(states: readonly PolicyState[]): PolicyState[] {
  const sorted = states.toSorted((a, b) => a.remaining - b.remaining);
  return sorted.filter(({ name }, index) => sorted.findIndex((state) => state.name === name) === index);
}
