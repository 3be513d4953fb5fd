import { Problem, type ProblemName } from "../core/problem.ts";
import { causes, sqlStateOf } from "../core/sql-state.ts";

/** What `ebb.enter` and the functions for accounts, limits and retention refuse with (drizzle/), and what each says to the caller. */
const REFUSALS: Record<string, ProblemName> = {
  EB401: "unauthenticated",
  EB403: "tenant-suspended",
  EB404: "not-found",
  EB405: "forbidden",
  EB406: "window-not-variable",
  EB407: "plan-not-sufficient",
  EB408: "conflict",
  EB410: "key-expired",
  EB411: "key-revoked",
  EB412: "registration-key-used",
  EB413: "tenant-closed",
  EB414: "tenant-required",
  EB415: "last-owner",
  EB416: "invitation-expired",
  EB417: "invitation-used",
  EB418: "invitation-for-another",
  EB419: "too-many-invitations",
  EB420: "invalid-grant",
  EB421: "access-denied",
  EB422: "claim-code-required",
  EB430: "no-seat-left",
  EB431: "invalid-voucher",
  EB432: "already-subscribed",
  EB433: "workspace-not-empty",
  EB434: "sign-in-ended",
  EB435: "claim-code-locked",
  EB436: "registration-ended",
  EB437: "idempotency-key-reused",
};

/** Classes of SQLSTATE in which Postgres could not serve: connection, rollback, resources, operator, system. */
const UNAVAILABLE = /^(08|40|53|55|57|58)/;

/** The class "data exception": a value that Postgres cannot store or compute with, which only a caller can have sent. */
const DATA_EXCEPTION = /^22/;

/**
 * The Problem for an error from the database: a refusal of `ebb.enter`, `invalid-field` for a value that Postgres cannot
 * take (routes refuse those first, by name), or `unavailable` when Postgres could not be reached or could not serve.
 * Anything else is a fault of ours and comes back as it is.
 */
export function databaseProblem(error: unknown, retryAfterS: number): unknown {
  if (error instanceof Problem) return error;
  const state = sqlStateOf(error);
  const refusal = state === null ? undefined : REFUSALS[state];
  if (refusal !== undefined) return new Problem(refusal);
  if (state !== null && DATA_EXCEPTION.test(state)) return new Problem("invalid-field", { cause: error });
  const unavailable = state === null ? isConnectionFailure(error) : UNAVAILABLE.test(state);
  return unavailable ? new Problem("unavailable", { retryAfterS, cause: error }) : error;
}

/** Whether a COMMIT that ended so may have taken place: the way was lost, or the server ended or lost the session. */
export function leavesOutcomeUnknown(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === null ? isConnectionFailure(error) : /^(08|57P|40003)/.test(state);
}

/** Without a SQLSTATE it is the way to Postgres that failed: a driver's error, a closed socket, an ErrorEvent. */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  for (const { name, message, cause } of causes(error)) {
    // A WebSocket reports by an ErrorEvent, which is no Error, and Drizzle wraps that.
    if (typeof cause === "object" && cause !== null && !(cause instanceof Error)) return true;
    if (name === "NeonDbError" || name === "TimeoutError" || name === "AbortError") return true;
    if (/connection|socket|network|fetch failed|timeout|timed out|ECONN|EPIPE|websocket/i.test(message)) return true;
  }
  return false;
}
