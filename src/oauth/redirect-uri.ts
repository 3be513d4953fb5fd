/** The two IP literals of RFC 8252 section 7.3, spelled in the one way that is accepted; the name localhost is not (8.3). */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?(?=[/?]|$)/;
const HTTPS = /^https:\/\/[^/?@]+(?=[/?]|$)/;
/** RFC 8252 section 7.1: a reversed domain name, so with a dot in it. */
const PRIVATE_USE = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:\//;
/** The characters of RFC 3986, but `#` (no fragment: RFC 6749 section 3.1.2) and `*` (which reads as a wildcard). */
const CHARACTERS = /^(?:[A-Za-z0-9\-._~:/?[\]@!$&'()+,;=]|%[0-9A-Fa-f]{2})+$/;
/** What an authorization response says: in the registered query, too, a client could read the wrong one. */
const ANSWERS = ["code", "state", "iss", "error", "error_description", "error_uri"];

export const MAX_REDIRECT_URI = 500;

/**
 * Whether a client may register this redirect URI: https, or http on a loopback IP literal, or a private-use scheme
 * with a dot (RFC 8252 sections 7.1 to 7.3); at most 500 characters, without fragment, credentials, wildcard, or
 * parameters of an authorization response.
 */
export function isRegistrableRedirectUri(uri: string): boolean {
  if (uri.length > MAX_REDIRECT_URI || !CHARACTERS.test(uri)) return false;
  if (!HTTPS.test(uri) && !PRIVATE_USE.test(uri) && loopback(uri) === null) return false;
  if (!URL.canParse(uri)) return false;
  const { username, password, searchParams } = new URL(uri);
  return username === "" && password === "" && !ANSWERS.some((name) => searchParams.has(name));
}

/**
 * Whether a presented redirect URI is a registered one: the same string, character for character (RFC 9700 section
 * 4.1.3), but that the port of a registered http loopback literal may be any (RFC 8252 section 7.3): a native
 * application listens where the system lets it. Nothing else is normalised.
 */
export function matchesRedirectUri(registered: readonly string[], presented: string): boolean {
  if (registered.includes(presented)) return true;
  const portless = loopback(presented);
  return portless !== null && registered.some((uri) => loopback(uri) === portless);
}

/** A loopback redirect URI without its port; null for every other URI. */
function loopback(uri: string): string | null {
  const match = LOOPBACK.exec(uri);
  if (match === null || Number(match[2] ?? 0) > 65_535) return null;
  return `http://${match[1]}${uri.slice(match[0].length)}`;
}
