import { type FieldError, Problem } from "../core/problem.ts";
import { MAX_FIELD_ERRORS, safePath } from "./field-errors.ts";

/**
 * Parses application/x-www-form-urlencoded text, of a body or of a query (RFC 6749 section 3.2): a parameter without a
 * value counts as omitted, a repeated one is refused, known to us or not. The record has no prototype, so that a
 * parameter named `__proto__` is a parameter. Throws `invalid-field` for repetition, and `malformed` for escapes that are
 * not UTF-8: URLSearchParams would silently make something else of both.
 */
export function parseUrlencoded(text: string, malformed: "malformed-body" | "invalid-field"): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals === -1 ? pair : pair.slice(0, equals), malformed);
    const value = equals === -1 ? "" : decode(pair.slice(equals + 1), malformed);
    if (seen.has(name)) repeated.add(name);
    seen.add(name);
    if (value !== "") values[name] = value;
  }
  if (repeated.size > 0) {
    const errors: FieldError[] = [...repeated]
      .slice(0, MAX_FIELD_ERRORS)
      .map((name) => ({ path: safePath([name]), message: "must be given once" }));
    throw new Problem("invalid-field", { errors });
  }
  return values;
}

function decode(text: string, malformed: "malformed-body" | "invalid-field"): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw new Problem(malformed, { cause });
  }
}
