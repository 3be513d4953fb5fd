import type { Id } from "../core/id.ts";

/** An instance's access token, its signature, issuer and times already verified at the edge. */
export interface InstanceCredential {
  kind: "instance-token";
  instanceId: Id<"instance">;
  tenantId: Id<"tenant">;
  /** The tenant's own gate (not necessarily the one in the client id). */
  gateId: string;
  clientId: string;
  /** The token's own id (`jti`), by which it alone can be revoked. */
  tokenId: string;
  scope: string;
  /** Milliseconds since 1970; the gate compares it with the revocation floor. */
  issuedAtMs: number;
  expiresAtMs: number;
}

/** A person's access token on an instance, its signature, issuer and times already verified at the edge. */
export interface UserCredential {
  kind: "user-token";
  personId: Id<"person">;
  instanceId: Id<"instance">;
  tenantId: Id<"tenant">;
  workspaceId: Id<"workspace">;
  /** The tenant's own gate. */
  gateId: string;
  clientId: string;
  /** The token's own id (`jti`). */
  tokenId: string;
  /** The sign-in of which it came (`sid`), by which all its tokens end. */
  familyId: Id<"tokenFamily">;
  /** What the workspace's counter was when it was issued: an older one than the gate demands of this person is refused. */
  generation: number;
  scopes: readonly string[];
  /** Milliseconds since 1970. */
  issuedAtMs: number;
  expiresAtMs: number;
  /** When the person approved the sign-in (`auth_time`). */
  signedInAtMs: number;
}

/** A key or token whose truncated HMAC is genuine; whether it is live is for the database to say (`ebb.enter`). */
export interface KeyCredential {
  kind: "api-key" | "personal-access-token";
  gateId: string;
  /** SHA-256 of the key. */
  hash: Uint8Array;
}

/** A person's session in a browser, whose request came from our own pages; whether it is live the database says. */
export interface SessionCredential {
  kind: "session";
  /** SHA-256 of the cookie's secret. */
  hash: Uint8Array;
}

/** Whoever calls the account API. */
export type AccountCredential = KeyCredential | SessionCredential;

export type Credential = InstanceCredential | UserCredential | AccountCredential;
