/** An error and what caused it, outermost first. The Neon driver keeps the cause of a lost connection in `sourceError`. */
export function* causes(error: unknown): Generator<Error & { code?: unknown; sourceError?: unknown }> {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 8; depth++) {
    const current: Error & { code?: unknown; sourceError?: unknown } = cause;
    yield current;
    cause = current.cause ?? current.sourceError;
  }
}

/** Five characters, a digit among them: EPIPE, which Node gives as a code, is none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** The SQLSTATE of an error that Postgres raised, however deep it is wrapped; null for any other error. */
export function sqlStateOf(error: unknown): string | null {
  for (const { code } of causes(error)) if (typeof code === "string" && SQLSTATE.test(code)) return code;
  return null;
}
