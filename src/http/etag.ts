import { toBase64Url } from "../core/bytes.ts";
import { canonicalJson, type Json } from "../core/canonical-json.ts";
import type { Precondition } from "../core/precondition.ts";
import { Problem } from "../core/problem.ts";

/**
 * Strong entity tags from what is shown, so that nothing need be stored for them and two that show the same are the same.
 *
 * - GET of one thing, and the answer of its PATCH: `headers: { ...headers, etag: await etagOf(body) }`.
 * - PATCH: give the verb `ifMatch(input.request, shows)` with the `shows…` that makes the body of GET. The verb locks the
 *   thing in its transaction, reads it as GET would, and awaits the precondition before it writes. Name
 *   `precondition-failed` in the route's `problems`.
 */
export async function etagOf(representation: object): Promise<string> {
  const text = canonicalJson(JSON.parse(JSON.stringify(representation)) as Json);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `"${toBase64Url(new Uint8Array(digest))}"`;
}

/** The `If-Match` of a request; undefined where it has none. Throws `precondition-failed` when none of its tags matches. */
export function ifMatch<T>(request: Request, shows: (current: T) => object): Precondition<T> | undefined {
  const header = request.headers.get("if-match");
  if (header === null) return undefined;
  return async (current) => {
    if (!matches(header, await etagOf(shows(current)))) throw new Problem("precondition-failed");
  };
}

/** RFC 9110 section 13.1.1: any for `*`, else by strong comparison, in which a weak tag (`W/…`) equals none. */
function matches(header: string, etag: string): boolean {
  if (header.trim() === "*") return true;
  return header.split(",").some((tag) => tag.trim() === etag);
}
