import { equalConstantTime, fromBase64Url } from "../core/bytes.ts";

/** RFC 7636 section 4.1. */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;
const SHA256_BYTES = 32;

export type ChallengeReason = "pkce-required" | "challenge";

export interface ChallengeParameters {
  code_challenge?: string | undefined;
  code_challenge_method?: string | undefined;
  /** Whether the client has no secret: it must use PKCE (RFC 9700 section 2.1.1); others may. */
  publicClient: boolean;
}

/**
 * Reads the challenge of an authorization request; null: none was sent, and none was needed. The method is S256: `plain`
 * is refused, for it shows the verifier to who sees the request (RFC 9700 section 2.1.1), and so is no method at all,
 * which means plain (RFC 7636 section 4.3).
 */
export function readChallenge({
  code_challenge: challenge,
  code_challenge_method: method,
  publicClient,
}: ChallengeParameters): { ok: true; challenge: string | null } | { ok: false; reason: ChallengeReason } {
  if (challenge === undefined) {
    if (method !== undefined) return { ok: false, reason: "challenge" };
    return publicClient ? { ok: false, reason: "pkce-required" } : { ok: true, challenge: null };
  }
  const genuine = method === "S256" && fromBase64Url(challenge)?.length === SHA256_BYTES;
  return genuine ? { ok: true, challenge } : { ok: false, reason: "challenge" };
}

/**
 * Whether the verifier of a token request is that of the challenge (RFC 7636 section 4.6), in constant time. A verifier
 * where there was no challenge is refused too: somebody took the challenge out of the request (RFC 9700 section 4.8.2).
 */
export async function verifies(challenge: string | null, verifier: string | undefined): Promise<boolean> {
  if (challenge === null || verifier === undefined) return challenge === null && verifier === undefined;
  const expected = fromBase64Url(challenge);
  if (expected === null || !VERIFIER.test(verifier)) return false;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return equalConstantTime(new Uint8Array(digest), expected);
}
