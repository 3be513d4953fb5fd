/** What can stand in canonical JSON: no dates, no undefined, no numbers that JSON has no word for. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * The one text for a value (RFC 8785, JCS): keys sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript writes them. Throws a TypeError for what JSON cannot hold: a hash over a guess would prove nothing.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError("JSON has no word for this number");
    // Section 3.2.2.3: -0 is written 0, as JSON.stringify does.
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    // Section 3.2.2.2: a lone surrogate is an error.
    if (!value.isWellFormed()) throw new TypeError("a string that is no Unicode text");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
    throw new TypeError("not a JSON value");
  }
  const members = Object.entries(value as { readonly [key: string]: Json });
  // The default order compares UTF-16 code units (section 3.2.3).
  const sorted = members.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, member]) => `${canonicalJson(key)}:${canonicalJson(member)}`).join(",")}}`;
}
