import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { type Id, parseId } from "../core/id.ts";
import { CLOCK_SKEW_S } from "./access-token.ts";
import type { TokenKeys } from "./token-keys.ts";

const ALGORITHM = "EdDSA";
/** Unlike an access token's (RFC 9068), so that neither is ever taken for the other (RFC 8725 section 3.11). */
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
  return await new SignJWT({ instance: instanceId, tenant: tenantId, workspace: workspaceId, plan, entitlements })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keys.kid })
    .setIssuer(issuer)
    .setAudience(lease.clientId)
    .setSubject(lease.personId)
    .setIssuedAt(issuedAt)
    .setNotBefore(issuedAt)
    .setExpirationTime(Math.floor(expiresAtMs / 1000))
    .sign(keys.sign);
}

export type LeaseVerdict =
  | { valid: true; lease: OfflineLease; expiresAtMs: number }
  /** Only of a genuine one is it told that its time is not now. */
  | { valid: false; reason: "not-genuine" | "expired" | "not-yet-valid" };

/**
 * Judges a lease as an instance does: signature, type, issuer, its own client id, and the times with five minutes of
 * skew. Needs nothing but the published keys (/.well-known/jwks.json). Never throws.
 */
export async function verifyOfflineLease(
  lease: string,
  { issuer, clientId, keys, nowMs }: { issuer: string; clientId: string; keys: TokenKeys["verify"]; nowMs: number },
): Promise<LeaseVerdict> {
  try {
    const { payload } = await jwtVerify(lease, (header) => keys.get(header.kid ?? "") ?? notGenuine(), {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer,
      audience: clientId,
      currentDate: new Date(nowMs),
      clockTolerance: CLOCK_SKEW_S,
      requiredClaims: ["exp", "iat", "nbf", "sub"],
    });
    return { valid: true, lease: leaseOf(payload, clientId), expiresAtMs: (payload.exp as number) * 1000 };
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { valid: false, reason: "expired" };
    const early = error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf";
    return { valid: false, reason: early ? "not-yet-valid" : "not-genuine" };
  }
}

function leaseOf(claims: JWTPayload, clientId: string): OfflineLease {
  const { plan, entitlements } = claims;
  if (typeof plan !== "string" || !Array.isArray(entitlements)) notGenuine();
  return {
    clientId,
    personId: parseId("person", String(claims.sub)) ?? notGenuine(),
    instanceId: parseId("instance", String(claims["instance"])) ?? notGenuine(),
    tenantId: parseId("tenant", String(claims["tenant"])) ?? notGenuine(),
    workspaceId: parseId("workspace", String(claims["workspace"])) ?? notGenuine(),
    plan,
    entitlements: entitlements.map(String),
  };
}

function notGenuine(): never {
  throw new TypeError("not a lease of ours");
}
