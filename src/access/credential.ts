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
  /** Milliseconds since 1970; the gate compares it with the revocation floor. */
  issuedAtMs: number;
}

/** An API key whose truncated HMAC is genuine; whether it is live is for the database to say (`ebb.enter`). */
export interface ApiKeyCredential {
  kind: "api-key";
  gateId: string;
  /** SHA-256 of the key. */
  hash: Uint8Array;
}

export type Credential = InstanceCredential | ApiKeyCredential;
