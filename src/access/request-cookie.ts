import { cookie, setCookie } from "./cookie.ts";

/** Carries an authorization request to the page that asks for consent, and over the sign-in before it. */
const REQUEST = "__Host-ebb-request";
const MAX_AGE_S = 600;
/** What a browser keeps of one cookie is 4,096 bytes, name and attributes included. */
const FORM = /^[A-Za-z0-9_-]{1,3800}$/;

/** The request that this browser brought, as base64url; null where there is none. It may hold anything. */
export function carriedRequest(request: Request): string | null {
  return cookie(request, REQUEST, FORM);
}

/** Null for a request that is too long to be carried. */
export function requestCookie(text: string): string | null {
  return FORM.test(text) ? setCookie(REQUEST, text, MAX_AGE_S) : null;
}

/** Ends it: the request was answered. */
export function noRequestCookie(): string {
  return setCookie(REQUEST, null, 0);
}
