import type { Posted } from "../core/gate-message.ts";
import type { Id } from "../core/id.ts";
import type { Decision } from "../limits/limiter.ts";
import type { RouteClass } from "../limits/plans.ts";

/** The version of this protocol. A gate understands the version before it too: deployments do not happen at once. */
export const PROTOCOL = 1;

interface Call {
  v: typeof PROTOCOL;
  gateId: string;
}

export interface PingCall extends Call {
  tenantId: Id<"tenant">;
  instanceId: Id<"instance">;
  /** When the access token was issued, ms. */
  issuedAtMs: number;
  kind: "alive";
  os: { kind: string | null; name: string | null; version: string | null };
}

export type PingAnswer =
  /** Durable: written to the gate's SQLite before this answer left it. `repeated`: it already was, for this bucket. */
  | { outcome: "recorded" | "repeated"; decision: Decision }
  /** The tenant is suspended: acknowledged, nothing is stored. */
  | { outcome: "ignored" }
  | { outcome: "refused"; reason: "token-revoked" | "instance-deleted" }
  | { outcome: "limited"; decision: Decision };

export interface ClientCall extends Call {
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
      decision: Decision;
    }
  /** Not heard of (yet): its registration may still be in the outbox. */
  | { outcome: "unknown"; decision: Decision }
  | { outcome: "wrong-secret"; decision: Decision }
  | { outcome: "revoked"; decision: Decision }
  | { outcome: "limited"; decision: Decision };

export interface TakeCall extends Call {
  routeClass: RouteClass;
  caller: string;
}

export interface DeliverCall extends Call {
  messages: Posted[];
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
  take(call: TakeCall): Promise<Decision>;
  /** Applies messages; returns the ids of those that it understood. The others stay in the outbox. */
  deliver(call: DeliverCall): Promise<number[]>;
  flush(): Promise<FlushReport>;
}

/** Finds gates by id. Each call makes a fresh stub: one that has thrown stays broken. */
export interface GateDirectory {
  gate(gateId: string): Gate;
}
