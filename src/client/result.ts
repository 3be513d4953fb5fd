/** What may go wrong. Stable: programs may compare it. */
export type ErrorCode = keyof typeof SENTENCES;

export interface ClientError {
  code: ErrorCode;
  /** One sentence for people: the service's own where it gave one, without control characters. */
  message: string;
  /** ms from now after which asking again makes sense, where the service has said so. */
  retryAfterMs?: number;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The service's own code, such as `token-revoked` or `invalid_client`. */
  reason?: string;
}

/** What every call of the client answers: nothing is ever thrown. */
export type Result<T> = { ok: true; value: T } | { ok: false; error: ClientError };

const SENTENCES = {
  "invalid-option": "The client was made with an option that it cannot use.",
  "not-permitted": "Nothing is sent: DO_NOT_TRACK is set, or the owner has not agreed.",
  "not-registered": "This instance has not registered yet.",
  unclaimed: "Nobody has claimed this instance yet: approve its first sign-in.",
  "registration-refused": "The service does not take this instance's registration.",
  "signed-out": "Nobody is signed in here.",
  denied: "The sign-in was denied.",
  expired: "The code has expired: begin anew.",
  busy: "A sign-in is under way already.",
  aborted: "It was stopped before it was done.",
  offline: "The service could not be reached.",
  timeout: "The service did not answer in time.",
  limited: "A rate limit was reached.",
  unavailable: "The service is temporarily unavailable.",
  refused: "The service refused the request.",
  "invalid-answer": "The answer is not one that the service gives.",
  "store-failed": "What the client keeps could not be read or written.",
  "store-newer": "What the client keeps was written by a later version of it, which alone may change it.",
  "no-lease": "There is no offline lease here.",
  "lease-invalid": "The offline lease is not a genuine one for this instance.",
  "lease-expired": "The offline lease has expired.",
  "clock-set-back": "The clock of this machine was set back: go online once.",
  unsupported: "This runtime has no Ed25519 in WebCrypto.",
  internal: "Something failed in the client.",
} as const;

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail(
  code: ErrorCode,
  detail: Partial<Omit<ClientError, "code">> = {},
): { ok: false; error: ClientError } {
  return { ok: false, error: { code, message: SENTENCES[code], ...detail } };
}

/** Failures after which the same request may still succeed, or may have been carried out with its answer lost. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set(["offline", "timeout", "unavailable", "invalid-answer", "limited"]);

export function isTransient(error: ClientError): boolean {
  return TRANSIENT.has(error.code);
}
