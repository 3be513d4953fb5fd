import { errors, jwtVerify, SignJWT } from "jose";
import { HOUR_MS } from "../core/clock.ts";
import { type Id, parseId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { GATE_ID } from "../core/region.ts";
import type { InstanceCredential } from "./credential.ts";
import type { TokenKeys } from "./token-keys.ts";

/** An instance's access token lives one hour. */
export const TOKEN_LIFETIME_S = HOUR_MS / 1000;
/** How far the clocks of two machines may be apart, either way. */
export const CLOCK_SKEW_S = 5 * 60;

const ALGORITHM = "EdDSA";
const TYPE = "at+jwt";

export interface TokenSubject {
  instanceId: Id<"instance">;
  tenantId: Id<"tenant">;
  gateId: string;
  clientId: string;
  scope: string;
}

/** Signs an access token (RFC 9068) for an instance, valid from `nowMs` for one hour. */
export function signAccessToken(
  subject: TokenSubject,
  issuer: string,
  keys: TokenKeys,
  nowMs: number,
): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  return new SignJWT({
    client_id: subject.clientId,
    scope: subject.scope,
    tenant: subject.tenantId,
    gate: subject.gateId,
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keys.kid })
    .setIssuer(issuer)
    .setAudience(issuer)
    .setSubject(subject.instanceId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFETIME_S)
    .setJti(crypto.randomUUID())
    .sign(keys.sign);
}

/**
 * Verifies an access token at the edge, without any look-up: signature first, then issuer, audience, type and times
 * with five minutes of skew. Throws the Problem `unauthenticated` for anything not signed by us, and says why
 * (`token-expired`, `token-not-yet-valid`) only of a token that is genuine (RFC 6750 section 3.1).
 */
export async function verifyAccessToken(
  token: string,
  issuer: string,
  keys: TokenKeys,
  nowMs: number,
): Promise<InstanceCredential> {
  const claims = await jwtVerify(token, (header) => keys.verify.get(header.kid ?? "") ?? unauthenticated(), {
    algorithms: [ALGORITHM],
    typ: TYPE,
    issuer,
    audience: issuer,
    currentDate: new Date(nowMs),
    clockTolerance: CLOCK_SKEW_S,
    requiredClaims: ["exp", "iat", "sub", "jti"],
  }).then(
    ({ payload }) => payload,
    (error: unknown) => {
      throw error instanceof errors.JWTExpired ? new Problem("token-expired") : new Problem("unauthenticated");
    },
  );
  const issuedAtMs = (claims.iat as number) * 1000;
  if (issuedAtMs > nowMs + CLOCK_SKEW_S * 1000) throw new Problem("token-not-yet-valid");
  const { client_id: clientId, gate: gateId, tenant, jti: tokenId } = claims;
  const instanceId = parseId("instance", claims.sub ?? "");
  const tenantId = typeof tenant === "string" ? parseId("tenant", tenant) : null;
  if (
    instanceId === null ||
    tenantId === null ||
    typeof clientId !== "string" ||
    typeof gateId !== "string" ||
    typeof tokenId !== "string" ||
    !GATE_ID.test(gateId)
  ) {
    throw new Problem("unauthenticated");
  }
  return { kind: "instance-token", instanceId, tenantId, gateId, clientId, tokenId, issuedAtMs };
}

function unauthenticated(): never {
  throw new Problem("unauthenticated");
}
