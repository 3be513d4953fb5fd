/** A start that failed for a reason which the reader can act on: `message` is one sentence, shown without a stack. */
export class StartFailure extends Error {
  override name = "StartFailure";
}

/** The operating system's code of an error (`EACCES`, `ENOENT`, …), or undefined. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
