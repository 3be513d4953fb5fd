import { Problem } from "../core/problem.ts";

/** Refuses the end of a key that is not yet made. Throws `invalid-field` with this fixed sentence. */
export function refuseValidUntil(message: string): never {
  throw new Problem("invalid-field", { errors: [{ path: "valid_until", message }] });
}

/** A key cannot be made that has already ended. Throws `invalid-field`; null is no end. */
export function refusePastEnd(validUntilMs: number | null, nowMs: number): void {
  if (validUntilMs !== null && validUntilMs <= nowMs) refuseValidUntil("must be in the future");
}
