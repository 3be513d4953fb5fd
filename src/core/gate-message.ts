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
      /** SHA-256 of the client's secret, base64url; null of a public client, which has none. */
      secretHash: string | null;
      scope: string;
      /** What it registered; the version before says only its scope. */
      client?: ClientFacts;
    }
  | { kind: "instance-removed"; instanceId: Id<"instance">; clientId: string; removedAtMs: number }
  /** Its secret and all its tokens have ended, and its instance is still listed. */
  | { kind: "client-revoked"; instanceId: Id<"instance">; clientId: string; revokedAtMs: number }
  | RevokedMessage
  | GenerationMessage
  /** Keys, or the people behind them, are not what they were: what a gate knows of any of its tenant's is looked up anew. */
  | { kind: "keys-changed" };

/** What a client registered (RFC 7591 section 2), as its gate keeps it. */
export interface ClientFacts {
  name: string | null;
  scope: string;
  grantTypes: readonly string[];
  redirectUris: readonly string[];
  authMethod: "client_secret_post" | "client_secret_basic" | "none";
  registeredAtMs: number;
}

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

/** What a person may do has changed: access tokens of theirs of a lower generation are refused with `token-outdated`. */
export interface GenerationMessage {
  kind: "generation";
  /** `per_…`. */
  personId: string;
  /** The lowest that is still accepted; only ever raised. */
  generation: number;
  /** When no token of a lower one could be accepted any more, whatever a gate knew. ms since 1970. */
  untilMs: number;
}

/** What credentials can be revoked by. */
export const REVOKED_KINDS = ["key", "token", "instance", "person", "session"] as const;

/**
 * An API key or other secret by the hex of its SHA-256, an access token by its `jti`, an instance or person by its id, a
 * person's sign-in on an instance (`session`) by the id of its tokens' family, `fam_…`.
 */
export interface RevokedSubject {
  kind: (typeof REVOKED_KINDS)[number];
  id: string;
}

export type RevokedReason = "key-revoked" | "token-revoked" | "instance-deleted" | "sign-in-ended" | "token-outdated";

/** A message with its place in the outbox. */
export interface Posted {
  id: number;
  message: GateMessage;
}
