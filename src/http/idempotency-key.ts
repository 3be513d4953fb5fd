import { canonicalJson } from "../core/canonical-json.ts";
import { Problem } from "../core/problem.ts";

/** The longest Idempotency-Key that is taken. */
const LONGEST = 255;

/**
 * The Idempotency-Key of a request (draft-ietf-httpapi-idempotency-key-header), as is or in the quotes of a structured
 * field; null without one. Throws `invalid-field` for one of fewer characters than `shortest`, or of others than ASCII.
 */
export function idempotencyKeyOf(request: Request, shortest = 1): string | null {
  const header = request.headers.get("idempotency-key");
  if (header === null) return null;
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (key.length >= shortest && key.length <= LONGEST && /^[\x21-\x7e]+$/.test(key)) return key;
  const message = `takes ${shortest} to ${LONGEST} printable ASCII characters without spaces`;
  throw new Problem("invalid-field", { errors: [{ path: "Idempotency-Key", message }] });
}

/** SHA-256 of what a request says, whatever the order in which it says it. */
export async function requestHashOf(said: unknown): Promise<Uint8Array> {
  const text = new TextEncoder().encode(canonicalJson(JSON.parse(JSON.stringify(said))));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text));
}
