import type { ClientFacts, Posted, RevokedReason, RevokedSubject } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import type { PolicyState } from "../limits/limiter.ts";
import type { Plan } from "../limits/plans.ts";
import type { Scope, Subjects } from "../limits/policy.ts";
import type { RouteClass, Unit } from "../limits/route-classes.ts";
import type { AskedKind } from "../telemetry/bucket.ts";
import type { DecisionText } from "./decision-text.ts";

/** The version of this protocol. A gate understands the version before it too: deployments do not happen at once. */
export const PROTOCOL = 2;

interface Call {
  v: typeof PROTOCOL;
  gateId: string;
}

/** A call that limits decide about; a refusal is remembered for a while under its request. */
interface LimitedCall extends Call {
  requestId: string;
}

export interface PingCall extends LimitedCall {
  tenantId: Id<"tenant">;
  instanceId: Id<"instance">;
  /** The access token's `jti`, and when it was issued, ms. */
  tokenId: string;
  issuedAtMs: number;
  kind: "alive";
  os: { kind: string | null; name: string | null; version: string | null };
}

export type PingAnswer =
  /** Durable: written to the gate's SQLite before this answer left it. `repeated`: it already was, for this bucket. */
  | { outcome: "recorded" | "repeated"; decision: DecisionText }
  /** The tenant is suspended: acknowledged, nothing is stored. */
  | { outcome: "ignored" }
  | { outcome: "refused"; reason: RevokedReason }
  | { outcome: "limited"; decision: DecisionText };

/** Whose a claimed client is. */
export interface ClaimedClient {
  instanceId: Id<"instance">;
  tenantId: Id<"tenant">;
  gateId: string;
}

export interface ClientCall extends LimitedCall {
  clientId: string;
  /** SHA-256 of the secret that the client sent; null: it sent none, as only a public client (`none`) may. */
  secretHash: Uint8Array | null;
  /** What a genuine one is counted as; `token` when left out. */
  routeClass?: "token" | "refresh" | "poll";
}

export type ClientAnswer =
  /** `claimed` null: nobody has claimed it yet. */
  | { outcome: "genuine"; claimed: ClaimedClient | null; client: ClientFacts; decision: DecisionText }
  /** It was claimed: that gate is to be asked. Nothing was taken from any limit. */
  | { outcome: "moved"; gateId: string }
  /** Not heard of (yet): its registration may still be in the outbox. */
  | { outcome: "unknown"; decision: DecisionText }
  | { outcome: "wrong-secret"; decision: DecisionText }
  | { outcome: "revoked"; decision: DecisionText }
  | { outcome: "limited"; decision: DecisionText };

export interface ClientLookup extends Call {
  clientId: string;
}

export type ClientLookupAnswer =
  | { outcome: "known"; claimed: ClaimedClient | null; client: ClientFacts }
  | { outcome: "moved"; gateId: string }
  | { outcome: "unknown" | "revoked" };

/** An unclaimed client, as it registered. */
export interface AdoptCall extends Call {
  clientId: string;
  instanceId: Id<"instance">;
  /** SHA-256; null of a public client. */
  secretHash: Uint8Array | null;
  client: ClientFacts;
  /** When the registration expires, ms: 24 hours after it was made. */
  expiresAtMs: number;
}

export interface ForwardCall extends Call {
  clientId: string;
  toGateId: string;
}

export interface ChangeCall extends Call {
  clientId: string;
  /** SHA-256 of the secret that it has from now on; null of a public client. */
  secretHash: Uint8Array | null;
  client: ClientFacts;
}

/** What a token says of what its person may do. */
export interface PresentedGeneration {
  /** `per_…`. */
  personId: string;
  generation: number;
}

export interface JudgeCall extends Call {
  tenantId: Id<"tenant">;
  presented: readonly RevokedSubject[];
  issuedAtMs: number;
  generation?: PresentedGeneration;
}

/** Why a genuine token is not accepted, whatever it asks; null: it is. */
export interface Judgement {
  reason: RevokedReason | "tenant-suspended" | null;
}

/** What a person's access token asks about itself. */
export interface RecordCall extends LimitedCall {
  tenantId: Id<"tenant">;
  kind: AskedKind;
  instanceId: Id<"instance">;
  personId: Id<"person">;
  /** The access token's `jti`, its sign-in, its generation and when it was issued, ms. */
  tokenId: string;
  familyId: Id<"tokenFamily">;
  generation: number;
  issuedAtMs: number;
}

export type RecordAnswer =
  /** Durable, as a ping is. `repeated`: it already was, for this hour. */
  | { outcome: "recorded" | "repeated"; decision: DecisionText }
  | { outcome: "refused"; reason: RevokedReason | "tenant-suspended" }
  | { outcome: "limited"; decision: DecisionText };

export interface TakeCall extends LimitedCall {
  routeClass: RouteClass;
  /** Who is calling. A `network` is a prefix in clear: the gate hashes it with its salt of the day and keeps only that. */
  subjects: Subjects;
  /** Units beside the one request. */
  costs?: Partial<Record<Unit, number>>;
  /** When the credential was issued, ms; decides against a floor that spares later ones. */
  issuedAtMs?: number;
  /** What else could be revoked of it, beside the subjects, and what it says of its person's access. */
  presented?: readonly RevokedSubject[];
  generation?: PresentedGeneration;
  /** Whether to say what is known of the key among the subjects. */
  facts?: true;
}

export type TakeAnswer =
  | {
      outcome: "admitted" | "limited";
      decision: DecisionText;
      /** What is known of the key: what `learn` was told. Undefined where it must be looked up. */
      facts?: string;
      /** Whoever looks the key up brings this back with what was found. */
      ticket?: string;
    }
  | { outcome: "refused"; reason: RevokedReason | "tenant-suspended" };

/** What a look-up found of a key. */
export interface LearnCall extends LimitedCall {
  /** Hex of the key's SHA-256. */
  key: string;
  facts: string;
  callsPerHour: number | null;
  /** When the key ends, ms; null for never. */
  validUntilMs: number | null;
  ticket: string;
  /** Whether the call is to be taken from the key's own limit: it was not, where the gate did not know the key. */
  takes: boolean;
}

export interface DeliverCall extends Call {
  messages: Posted[];
}

export interface EraseCall extends Call {
  tenantId: Id<"tenant">;
}

export interface InspectCall extends Call {
  /** Whose policies to show beside the tenant's; the others are shown without a count. */
  subjects: Subjects;
}

/** A policy as it holds for the tenant, and how it stands for the subject asked about; null where none was named. */
export interface InspectedPolicy {
  name: string;
  routeClass: RouteClass;
  scope: Scope;
  unit: Unit;
  limit: number;
  windowS: number | "month";
  /** What decides the limit; `allotment`: the tenant above, which the tenant itself must not learn; `key`: the key itself. */
  source: "plan" | "override" | "allotment" | "key";
  state: PolicyState | null;
}

/** A call that limits refused, as the gate remembers it for an hour. */
export interface Refusal {
  /** ms since 1970. */
  at: number;
  requestId: string;
  routeClass: RouteClass;
  /** A key by the beginning of its hash, a network by its name of the day. */
  subjects: Subjects;
  /** Names of the policies that refused, those from above by their own names. */
  violated: string[];
  /** Every policy that applied. */
  states: PolicyState[];
  /** Null: waiting does not help. */
  retryAfterS: number | null;
}

export interface Inspection {
  status: "active" | "suspended" | "closed";
  plan: Plan;
  policies: InspectedPolicy[];
  /** Newest first. */
  refusals: Refusal[];
}

/** What became of the rows that one flush took from the journal. */
export interface FlushReport {
  recorded: number;
  /** Already in Postgres. */
  repeated: number;
  /** Had expired before they arrived. */
  expired: number;
  /** Of an instance that was removed. */
  gone: number;
  /** Put into the dead letters, or counted only once those were full. */
  dead: number;
  /** Still in the journal. */
  pending: number;
}

/**
 * A tenant's gate, as everybody else sees it. Every method may throw what a Durable Object's stub throws: an Error with
 * `overloaded` (never try again) or `retryable` (try again on a fresh stub); otherwise the outcome is unknown.
 */
export interface Gate {
  ping(call: PingCall): Promise<PingAnswer>;
  authenticateClient(call: ClientCall): Promise<ClientAnswer>;
  /** What a client is, without a secret: for the authorization endpoint. Takes nothing. */
  client(call: ClientLookup): Promise<ClientLookupAnswer>;
  /** A nursery takes in an unclaimed client. `full`: it has as many as it may. Repeating it is the same. */
  adopt(call: AdoptCall): Promise<"adopted" | "full">;
  /**
   * A nursery leads to the gate to which the client was claimed from then on, for 90 days; also where it did not know the
   * client, or no longer does. Idempotent.
   */
  forward(call: ForwardCall): Promise<void>;
  /** Changes what an unclaimed client registered (RFC 7592). False: it is not here. */
  change(call: ChangeCall): Promise<boolean>;
  /** Whether a token that is genuine is still accepted. Takes nothing. */
  judge(call: JudgeCall): Promise<Judgement>;
  /** For what a person's token asks about itself: still valid? within every limit? journaled, once an hour. */
  record(call: RecordCall): Promise<RecordAnswer>;
  take(call: TakeCall): Promise<TakeAnswer>;
  /**
   * Remembers what was looked up of a key, until the UTC hour of its ticket ends; not where anything about keys or the
   * tenant was heard since the ticket was given. Answers as `take`, by the key's own limit alone.
   */
  learn(call: LearnCall): Promise<TakeAnswer>;
  /** Applies messages; returns the ids of those that it understood. The others stay in the outbox. */
  deliver(call: DeliverCall): Promise<number[]>;
  flush(): Promise<FlushReport>;
  /** Forgets everything, its tenant included. False, and nothing forgotten, where it is another tenant's gate. */
  erase(call: EraseCall): Promise<boolean>;
  /** What limits hold and how full they are. Takes nothing. */
  inspect(call: InspectCall): Promise<Inspection>;
  /** The tenant's own status, for the gates below it. */
  status(): Promise<"active" | "suspended" | "closed">;
}

/** Finds gates by id. Each call makes a fresh stub: one that has thrown stays broken. */
export interface GateDirectory {
  gate(gateId: string): Gate;
}
