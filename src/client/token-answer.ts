import { numberField, textField } from "./json-field.ts";
import type { AccessToken, SignIn } from "./state.ts";

const MAX_TOKEN = 8_192;
const MAX_LIFETIME_S = 10 * 366 * 86_400;
/** A new token is asked for after this part of the old one's life. */
const RENEW_AFTER = 0.8;

/** Reads a token answer (RFC 6749 section 5.1); null if it is none. Its life counts from `sentAtMs`, when it was asked for. */
export function readAccessToken(answer: unknown, sentAtMs: number): AccessToken | null {
  const token = textField(answer, "access_token", MAX_TOKEN);
  const lifetimeS = numberField(answer, "expires_in", 0, MAX_LIFETIME_S);
  if (token === null || lifetimeS === null || !/^[\w.~+/-]+=*$/.test(token)) return null;
  if (textField(answer, "token_type", 20)?.toLowerCase() !== "bearer") return null;
  const renewAtMs = sentAtMs + Math.floor(lifetimeS * RENEW_AFTER) * 1000;
  return { token, renewAtMs, expiresAtMs: sentAtMs + lifetimeS * 1000 };
}

/** As above, with its refresh token: the one that was `sent` goes on if the answer has no other (RFC 6749 section 6). */
export function readSignIn(
  answer: unknown,
  sentAtMs: number,
  sent: { refreshToken: string; scope: string } | null,
): SignIn | null {
  const access = readAccessToken(answer, sentAtMs);
  const refreshToken = textField(answer, "refresh_token", MAX_TOKEN) ?? sent?.refreshToken;
  if (access === null || refreshToken === undefined) return null;
  const scope = textField(answer, "scope", 1_000) ?? sent?.scope ?? "";
  return { ...access, refreshToken, scope, refreshSentAtMs: null };
}
