import type { Id } from "./id.ts";

/**
 * What a gate hears of the account side, in the order of the outbox. Each is idempotent; a later message about the same
 * thing wins, and a removal is final.
 */
export type GateMessage =
  | TenantMessage
  | {
      kind: "client";
      clientId: string;
      instanceId: Id<"instance">;
      /** SHA-256 of the client's secret, base64url. */
      secretHash: string;
      scope: string;
    }
  | { kind: "instance-removed"; instanceId: Id<"instance">; clientId: string; removedAtMs: number }
  | RevokedMessage
  /** Keys, or the people behind them, are not what they were: what a gate knows of any of its tenant's is looked up anew. */
  | { kind: "keys-changed" };

/** All that a gate knows of its tenant, at once. */
export interface TenantMessage {
  kind: "tenant";
  tenantId: Id<"tenant">;
  status: "active" | "suspended" | "closed";
  plan: "free" | "team" | "enterprise";
  /** Limits by policy name: what the platform owner set, and what the tenant above allots. */
  overrides?: Readonly<Record<string, number>>;
  allotments?: Readonly<Record<string, number>>;
  /** Gates of the tenants above that can be suspended, nearest first. */
  ancestors?: readonly string[];
}

/** A credential that was issued up to a moment is refused from now on. */
export interface RevokedMessage {
  kind: "revoked";
  subject: RevokedSubject;
  /** The Problem that its holder is told. */
  reason: RevokedReason;
  /** What was issued later is not meant; null for a credential that ends for good. ms since 1970. */
  issuedBeforeMs: number | null;
  /** When nothing that it is about could be accepted any more, whatever a gate knew. ms since 1970. */
  untilMs: number;
}

/** An API key or other secret by the hex of its SHA-256, an access token by its `jti`, an instance or person by its id. */
export interface RevokedSubject {
  kind: "key" | "token" | "instance" | "person";
  id: string;
}

export type RevokedReason = "key-revoked" | "token-revoked" | "instance-deleted";

/** A message with its place in the outbox. */
export interface Posted {
  id: number;
  message: GateMessage;
}
