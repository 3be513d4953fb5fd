import type { JWTPayload } from "jose";
import { DAY_MS, HOUR_MS } from "../core/clock.ts";
import { type Id, parseId } from "../core/id.ts";
import { Problem, type ProblemName } from "../core/problem.ts";
import { GATE_ID } from "../core/region.ts";
import type { InstanceCredential, UserCredential } from "./credential.ts";
import {
  type ClaimsRefusal,
  ClaimsRefused,
  idClaim,
  notGenuine,
  signClaims,
  textClaim,
  type VerifiedClaims,
  verifyClaims,
} from "./signed-claims.ts";
import type { TokenKeys } from "./token-keys.ts";

/** An instance's access token lives one hour. */
export const TOKEN_LIFETIME_S = HOUR_MS / 1000;
/** A person's lives seven days, unless what approved it ends before. */
export const USER_TOKEN_LIFETIME_S = (7 * DAY_MS) / 1000;

const TYPE = "at+jwt";

export interface TokenSubject {
  instanceId: Id<"instance">;
  tenantId: Id<"tenant">;
  gateId: string;
  clientId: string;
  scope: string;
}

export interface UserTokenSubject extends TokenSubject {
  personId: Id<"person">;
  workspaceId: Id<"workspace">;
  familyId: Id<"tokenFamily">;
  generation: number;
  /** When the person approved the sign-in, ms. */
  signedInAtMs: number;
  /** When it must end at the latest, ms; null: only its own lifetime ends it. */
  notAfterMs: number | null;
}

/** Signs an access token (RFC 9068) for an instance, valid from `nowMs` for one hour. */
export async function signAccessToken(
  subject: TokenSubject,
  issuer: string,
  keys: TokenKeys,
  nowMs: number,
): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  return await sign(claimsOf(subject), subject.instanceId, issuer, keys, issuedAt, issuedAt + TOKEN_LIFETIME_S);
}

/** Signs a person's access token on an instance, and says for how many seconds from `nowMs` it is valid. */
export async function signUserToken(
  subject: UserTokenSubject,
  issuer: string,
  keys: TokenKeys,
  nowMs: number,
): Promise<{ token: string; expiresInS: number }> {
  const issuedAt = Math.floor(nowMs / 1000);
  const last = subject.notAfterMs === null ? Number.POSITIVE_INFINITY : Math.floor(subject.notAfterMs / 1000);
  const expiresAt = Math.min(issuedAt + USER_TOKEN_LIFETIME_S, last);
  const claims = {
    ...claimsOf(subject),
    instance: subject.instanceId,
    workspace: subject.workspaceId,
    sid: subject.familyId,
    gen: subject.generation,
    auth_time: Math.floor(subject.signedInAtMs / 1000),
  };
  const token = await sign(claims, subject.personId, issuer, keys, issuedAt, expiresAt);
  return { token, expiresInS: Math.max(0, expiresAt - issuedAt) };
}

function claimsOf({ clientId, scope, tenantId, gateId }: TokenSubject): JWTPayload {
  return { client_id: clientId, scope, tenant: tenantId, gate: gateId };
}

function sign(
  claims: JWTPayload,
  subject: string,
  issuer: string,
  keys: TokenKeys,
  issuedAtS: number,
  expiresAtS: number,
): Promise<string> {
  const all = { ...claims, sub: subject, iat: issuedAtS, exp: expiresAtS, jti: crypto.randomUUID() };
  return signClaims(all, { type: TYPE, issuer, audience: issuer }, keys);
}

const REFUSALS = {
  "not-genuine": "unauthenticated",
  expired: "token-expired",
  "not-yet-valid": "token-not-yet-valid",
} as const satisfies Record<ClaimsRefusal, ProblemName>;

/**
 * Verifies an access token at the edge, without any look-up. Throws the Problem `unauthenticated` for anything not signed
 * by us, and says why (`token-expired`, `token-not-yet-valid`) only of a token that is genuine (RFC 6750 section 3.1).
 */
export async function verifyAccessToken(
  token: string,
  issuer: string,
  keys: TokenKeys,
  nowMs: number,
): Promise<InstanceCredential | UserCredential> {
  try {
    return credentialOf(await verifyClaims(token, { type: TYPE, issuer, audience: issuer }, keys.verify, nowMs));
  } catch (error) {
    throw new Problem(error instanceof ClaimsRefused ? REFUSALS[error.reason] : "unauthenticated");
  }
}

function credentialOf(claims: VerifiedClaims): InstanceCredential | UserCredential {
  const shared = {
    tenantId: idClaim("tenant", claims["tenant"]),
    gateId: textClaim(claims["gate"]),
    clientId: textClaim(claims["client_id"]),
    tokenId: textClaim(claims.jti),
    issuedAtMs: claims.iat * 1000,
    expiresAtMs: claims.exp * 1000,
  };
  if (!GATE_ID.test(shared.gateId)) notGenuine();
  const instanceId = parseId("instance", claims.sub);
  const scope = textClaim(claims["scope"]);
  if (instanceId !== null) return { kind: "instance-token", instanceId, scope, ...shared };
  const { gen: generation, auth_time: signedInAt } = claims;
  if (typeof generation !== "number" || typeof signedInAt !== "number") notGenuine();
  return {
    kind: "user-token",
    personId: idClaim("person", claims.sub),
    instanceId: idClaim("instance", claims["instance"]),
    workspaceId: idClaim("workspace", claims["workspace"]),
    familyId: idClaim("tokenFamily", claims["sid"]),
    generation,
    scopes: scope.split(" ").filter(Boolean),
    signedInAtMs: signedInAt * 1000,
    ...shared,
  };
}
