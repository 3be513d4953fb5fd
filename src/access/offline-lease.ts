import type { Id } from "../core/id.ts";
import {
  type ClaimsRefusal,
  ClaimsRefused,
  idClaim,
  notGenuine,
  signClaims,
  textClaim,
  verifyClaims,
} from "./signed-claims.ts";
import type { TokenKeys } from "./token-keys.ts";

const TYPE = "offline-lease+jwt";

/** What an instance may go by while it cannot reach us. */
export interface OfflineLease {
  clientId: string;
  personId: Id<"person">;
  instanceId: Id<"instance">;
  tenantId: Id<"tenant">;
  workspaceId: Id<"workspace">;
  plan: string;
  /** What the plan includes, by name. */
  entitlements: readonly string[];
}

/** Signs a lease, good from `nowMs` to `expiresAtMs`, both rounded down to seconds. */
export async function signOfflineLease(
  lease: OfflineLease,
  issuer: string,
  keys: TokenKeys,
  { nowMs, expiresAtMs }: { nowMs: number; expiresAtMs: number },
): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  const { instanceId, tenantId, workspaceId, plan, entitlements } = lease;
  const claims = {
    sub: lease.personId,
    iat: issuedAt,
    nbf: issuedAt,
    exp: Math.floor(expiresAtMs / 1000),
    instance: instanceId,
    tenant: tenantId,
    workspace: workspaceId,
    plan,
    entitlements,
  };
  return await signClaims(claims, { type: TYPE, issuer, audience: lease.clientId }, keys);
}

export type LeaseVerdict =
  | { valid: true; lease: OfflineLease; expiresAtMs: number }
  | { valid: false; reason: ClaimsRefusal };

/**
 * Judges a lease as an instance does, its own client id the audience. Needs nothing but the published keys
 * (/.well-known/jwks.json). Never throws.
 */
export async function verifyOfflineLease(
  lease: string,
  { issuer, clientId, keys, nowMs }: { issuer: string; clientId: string; keys: TokenKeys["verify"]; nowMs: number },
): Promise<LeaseVerdict> {
  try {
    const claims = await verifyClaims(lease, { type: TYPE, issuer, audience: clientId }, keys, nowMs);
    const { entitlements } = claims;
    if (claims.nbf === undefined || !Array.isArray(entitlements)) notGenuine();
    return {
      valid: true,
      lease: {
        clientId,
        personId: idClaim("person", claims.sub),
        instanceId: idClaim("instance", claims["instance"]),
        tenantId: idClaim("tenant", claims["tenant"]),
        workspaceId: idClaim("workspace", claims["workspace"]),
        plan: textClaim(claims["plan"]),
        entitlements: entitlements.map(String),
      },
      expiresAtMs: claims.exp * 1000,
    };
  } catch (error) {
    return { valid: false, reason: error instanceof ClaimsRefused ? error.reason : "not-genuine" };
  }
}
