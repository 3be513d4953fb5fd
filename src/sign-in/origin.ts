/** Which addresses sign-in may send a browser to, or fetch from: a tenant chooses an issuer, and so where we connect. */

/** Whether the URL names this very machine: where a developer works, and nowhere else. */
export function isLoopback(url: string): boolean {
  const hostname = URL.parse(url)?.hostname ?? "";
  return /^(127(\.\d{1,3}){3}|\[::1\]|localhost|.+\.localhost)$/.test(hostname);
}

/**
 * Whether a provider may be reached under this URL: https with a public host's name. No IP literals, which name private
 * networks and metadata services; no single labels. `local`: the loopback's http too, as the stand-in has it.
 */
export function isReachable(text: string, local: boolean): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  if (local && url.protocol === "http:" && isLoopback(text)) return true;
  const { hostname } = url;
  // The URL parser has turned every spelling of an IPv4 address into the dotted one.
  const isAddress = /^[\d.]+$/.test(hostname) || hostname.startsWith("[");
  const isPrivate = /(^|\.)(localhost|local|internal|home\.arpa)$/.test(hostname.replace(/\.$/, ""));
  return url.protocol === "https:" && !isAddress && !isPrivate && hostname.includes(".");
}

/** An issuer is such a URL without a query (OpenID Connect Discovery 1.0 section 3), and what people are known by. */
export function isIssuer(text: string, local: boolean): boolean {
  return text.length <= 200 && !text.includes("?") && isReachable(text, local);
}

/** Where to go after signing in: a path of our own, else `/account`. Never another host (RFC 9700 section 4.11). */
export function returnPath(text: string | null | undefined): string {
  return text != null && /^\/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,200}$/.test(text) ? text : "/account";
}
