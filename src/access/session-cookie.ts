import { equalConstantTime, toBase64Url } from "../core/bytes.ts";
import { Problem } from "../core/problem.ts";
import { cookie, setCookie } from "./cookie.ts";

/** The prefix has browsers take it from this very host alone, over TLS (RFC 6265bis section 4.1.3.2). */
export const SESSION_COOKIE = "__Host-ebb";
/** As long as its row is kept: 90 days, in seconds. */
const MAX_AGE_S = 90 * 24 * 3600;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const SAFE = ["GET", "HEAD", "OPTIONS"];

/** The secret of the session cookie; null where there is none, or one that we never set. */
export function sessionSecret(request: Request): string | null {
  return cookie(request, SESSION_COOKIE, SECRET);
}

/** `Set-Cookie` for a session; for null one that ends it. */
export function sessionCookie(secret: string | null): string {
  return setCookie(SESSION_COOKIE, secret, MAX_AGE_S);
}

/** What our pages send with what they change: bound to the session, and of no use without its cookie. */
export async function csrfToken(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`csrf ${secret}`));
  return toBase64Url(new Uint8Array(digest));
}

/**
 * Refuses a change that a page of somebody else could have asked for: it needs our own Origin (browsers send it with
 * every change) and the session's CSRF token as `X-CSRF-Token`, or as the form field that the page handed over. Throws
 * `cross-site`. What only reads is let through: SameSite=Lax and CORS keep its answer from others.
 */
export async function refuseCrossSite(
  request: Request,
  secret: string,
  publicUrl: string,
  token: string | null = request.headers.get("x-csrf-token"),
): Promise<void> {
  if (SAFE.includes(request.method)) return;
  const expected = new TextEncoder().encode(await csrfToken(secret));
  const given = new TextEncoder().encode(token ?? "");
  if (request.headers.get("origin") !== new URL(publicUrl).origin || !equalConstantTime(given, expected)) {
    throw new Problem("cross-site");
  }
}
