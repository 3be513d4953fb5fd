/** What is stored of an authorization code; times in milliseconds since 1970. */
export interface CodeFacts {
  clientId: string;
  /** As the authorization request named it: with the port that it had. */
  redirectUri: string;
  expiresAtMs: number;
  usedAtMs: number | null;
}

export interface CodePresented {
  clientId: string;
  /** Whether the client has shown its secret; a public one has none. */
  proven: boolean;
  redirectUri: string | undefined;
  /** What `verifies` of pkce.ts says of the code's challenge and the request's verifier. */
  verifierOk: boolean;
}

export type CodeReason = "unknown" | "other-client" | "replayed" | "expired" | "other-redirect" | "pkce";

/** `replayed`: the family that came of the code must be ended; every other refusal changes nothing. */
export type CodeDecision = { kind: "grant" } | { kind: "refuse"; reason: CodeReason };

/**
 * Decides about an authorization code (RFC 6749 sections 4.1.2 and 4.1.3). Checked in this order:
 * 1. Unknown.
 * 2. Another client's: nothing changes. Whoever found a code in a log cannot end its owner's session as another client.
 * 3. Used: denied, and what was issued ends; also once the code has expired, and whatever else is wrong. But anybody
 *    can name a public client: of that, only whoever has the verifier too ends anything.
 * 4. Expired.
 * 5. The redirect URI, the same string as in the authorization request, which always names one here.
 * 6. PKCE. A wrong verifier does not spend the code: else whoever intercepted it could spoil it for its owner, and
 *    there are 256 bits to guess.
 */
export function decideCodeExchange(facts: CodeFacts | null, presented: CodePresented, nowMs: number): CodeDecision {
  if (facts === null) return refuse("unknown");
  if (facts.clientId !== presented.clientId) return refuse("other-client");
  if (facts.usedAtMs !== null) return refuse(presented.proven || presented.verifierOk ? "replayed" : "pkce");
  if (nowMs >= facts.expiresAtMs) return refuse("expired");
  if (facts.redirectUri !== presented.redirectUri) return refuse("other-redirect");
  if (!presented.verifierOk) return refuse("pkce");
  return { kind: "grant" };
}

function refuse(reason: CodeReason): CodeDecision {
  return { kind: "refuse", reason };
}
