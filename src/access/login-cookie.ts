import { cookie, setCookie } from "./cookie.ts";
import { newSecret } from "./secret.ts";

/**
 * What binds a sign-in to the browser that began it: the state alone, caught or handed over by somebody else, ends in
 * nobody's session (RFC 9700 section 4.7). As long as a login state is kept.
 */
const NAME = "__Host-ebb-login";
const MAX_AGE_S = 600;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Carries an invitation's token over the sign-in, so that it stands in no address and in no row. */
const INVITATION = "__Host-ebb-invitation";
const INVITATION_MAX_AGE_S = 3600;

/** The browser's own secret; a new one where it has none. Several sign-ins, in several tabs, share it. */
export function browserSecret(request: Request): string {
  return presentBrowserSecret(request) ?? newSecret();
}

export function presentBrowserSecret(request: Request): string | null {
  return cookie(request, NAME, SECRET);
}

export function browserCookie(secret: string): string {
  return setCookie(NAME, secret, MAX_AGE_S);
}

/** The invitation's token that this browser brought, where it has this form. */
export function carriedInvitation(request: Request, form: RegExp): string | null {
  return cookie(request, INVITATION, form);
}

/** For null a cookie that ends it. */
export function invitationCookie(token: string | null): string {
  return setCookie(INVITATION, token, INVITATION_MAX_AGE_S);
}
