/** The own property of an answer's object; undefined for anything that is no object. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** A non-empty string of at most `max` UTF-16 units; null for anything else. */
export function textField(value: unknown, name: string, max: number): string | null {
  const text = field(value, name);
  return typeof text === "string" && text !== "" && text.length <= max ? text : null;
}

/** A finite number within the bounds, both included; null for anything else. */
export function numberField(value: unknown, name: string, min: number, max: number): number | null {
  const number = field(value, name);
  return typeof number === "number" && number >= min && number <= max ? number : null;
}

/** Text that may be shown on a terminal or stored by the service: no control characters, whole characters, at most `max`. */
export function printable(text: string, max: number): string {
  const whole = new TextDecoder().decode(new TextEncoder().encode(text.slice(0, 4 * max)));
  return [...whole.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "")].slice(0, max).join("");
}
