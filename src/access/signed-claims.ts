import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { type Id, type IdKind, parseId } from "../core/id.ts";
import type { TokenKeys } from "./token-keys.ts";

/** How far the clocks of two machines may be apart, either way. */
export const CLOCK_SKEW_S = 5 * 60;

const ALGORITHM = "EdDSA";

/** Why signed claims are not gone by; only of genuine ones is it told that their time is not now. */
export type ClaimsRefusal = "not-genuine" | "expired" | "not-yet-valid";

export class ClaimsRefused extends Error {
  override readonly name = "ClaimsRefused";
  readonly reason: ClaimsRefusal;

  constructor(reason: ClaimsRefusal, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/** What claims are for: a type of their own keeps one kind from being taken for another (RFC 8725 section 3.11). */
export interface Purpose {
  type: string;
  issuer: string;
  audience: string;
}

/** The claims that all of them have; times in whole seconds. */
export type VerifiedClaims = JWTPayload & { sub: string; iat: number; exp: number };

/** Signs claims (RFC 7519) with the newest key. */
export async function signClaims(
  claims: VerifiedClaims,
  { type, issuer, audience }: Purpose,
  keys: Pick<TokenKeys, "kid" | "sign">,
): Promise<string> {
  return await new SignJWT({ ...claims, iss: issuer, aud: audience })
    .setProtectedHeader({ alg: ALGORITHM, typ: type, kid: keys.kid })
    .sign(keys.sign);
}

/**
 * Verifies claims without any look-up: signature first, then issuer, audience, type and times with five minutes of skew.
 * Throws `ClaimsRefused`.
 */
export async function verifyClaims(
  signed: string,
  { type, issuer, audience }: Purpose,
  keys: TokenKeys["verify"],
  nowMs: number,
): Promise<VerifiedClaims> {
  const { payload } = await jwtVerify(signed, (header) => keys.get(header.kid ?? "") ?? notGenuine(), {
    algorithms: [ALGORITHM],
    typ: type,
    issuer,
    audience,
    currentDate: new Date(nowMs),
    clockTolerance: CLOCK_SKEW_S,
    requiredClaims: ["exp", "iat", "sub"],
  }).catch((error: unknown) => {
    if (error instanceof errors.JWTExpired) throw new ClaimsRefused("expired", error);
    const early = error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf";
    throw new ClaimsRefused(early ? "not-yet-valid" : "not-genuine", error);
  });
  const claims = payload as VerifiedClaims;
  if (claims.iat * 1000 > nowMs + CLOCK_SKEW_S * 1000) throw new ClaimsRefused("not-yet-valid");
  return claims;
}

/** A claim that is text. Throws `ClaimsRefused` for any other. */
export function textClaim(claim: unknown): string {
  return typeof claim === "string" ? claim : notGenuine();
}

/** A claim that is an id of this kind. Throws `ClaimsRefused` for any other. */
export function idClaim<K extends IdKind>(kind: K, claim: unknown): Id<K> {
  return parseId(kind, textClaim(claim)) ?? notGenuine();
}

/** Throws what `verifyClaims` throws for what nobody here has signed. */
export function notGenuine(): never {
  throw new ClaimsRefused("not-genuine");
}
