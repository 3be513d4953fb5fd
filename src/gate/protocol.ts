import type { Posted, RevokedReason } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import type { PolicyState } from "../limits/limiter.ts";
import type { Plan } from "../limits/plans.ts";
import type { Scope, Subjects } from "../limits/policy.ts";
import type { RouteClass, Unit } from "../limits/route-classes.ts";
import type { DecisionText } from "./decision-text.ts";

/** The version of this protocol. A gate understands the version before it too: deployments do not happen at once. */
export const PROTOCOL = 1;

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

export interface ClientCall extends LimitedCall {
  clientId: string;
  /** SHA-256 of the secret that the client sent. */
  secretHash: Uint8Array;
}

export type ClientAnswer =
  | {
      outcome: "genuine";
      instanceId: Id<"instance">;
      tenantId: Id<"tenant">;
      gateId: string;
      scope: string;
      decision: DecisionText;
    }
  /** Not heard of (yet): its registration may still be in the outbox. */
  | { outcome: "unknown"; decision: DecisionText }
  | { outcome: "wrong-secret"; decision: DecisionText }
  | { outcome: "revoked"; decision: DecisionText }
  | { outcome: "limited"; decision: DecisionText };

export interface TakeCall extends LimitedCall {
  routeClass: RouteClass;
  /** Who is calling. A `network` is a prefix in clear: the gate hashes it with its salt of the day and keeps only that. */
  subjects: Subjects;
  /** Units beside the one request. */
  costs?: Partial<Record<Unit, number>>;
  /** When the credential was issued, ms; decides against a floor that spares later ones. */
  issuedAtMs?: number;
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
