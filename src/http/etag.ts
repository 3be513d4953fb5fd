import { toBase64Url } from "../core/bytes.ts";
import { canonicalJson } from "../core/canonical-json.ts";

/** The strong entity tag of a representation (RFC 9110 section 8.8.3): equal for equal JSON, whatever its order. */
export async function etagOf(body: unknown): Promise<string> {
  const text = canonicalJson(JSON.parse(JSON.stringify(body)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `"${toBase64Url(new Uint8Array(digest)).slice(0, 22)}"`;
}

/**
 * The precondition of a change (RFC 9110 section 13.1.1), which its verb asks inside its transaction of what it is about
 * to change: `show` makes of that what a GET answers. Without If-Match, and with `*`, everything fits; a weak tag never.
 */
export function ifMatch<T>(request: Request, show: (current: T) => unknown): (current: T) => Promise<boolean> {
  const header = request.headers.get("if-match");
  if (header === null || header.trim() === "*") return async () => true;
  const tags = header.split(",").map((tag) => tag.trim());
  return async (current) => tags.includes(await etagOf(show(current)));
}
