import { errorFields, type LogFields, type Logger } from "../../core/log.ts";
import type { Problem } from "../../core/problem.ts";

export interface AccessLogEntry {
  requestId: string;
  method: string;
  /** The route's pattern, `*` where none matched: a path can hold ids, or whatever a caller likes. */
  pattern: string;
  status: number;
  durationMs: number;
  /** Successes of a quiet route leave no line: one per ping would cost more than the ping. */
  quiet: boolean;
  problem?: Problem | undefined;
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** One line per request; of an exception its class and SQLSTATE, never its message. */
export function accessLog(logger: Logger): (entry: AccessLogEntry) => void {
  return function logAccess({ requestId, method, pattern, status, durationMs, quiet, problem }) {
    if (quiet && status < 400) return;
    const fields: LogFields = {
      requestId,
      method: KNOWN_METHODS.has(method) ? method : "OTHER",
      route: pattern,
      status,
      durationMs,
    };
    if (problem !== undefined) {
      fields.problem = problem.problem;
      if (status >= 500 && problem.detail.cause !== undefined) Object.assign(fields, errorFields(problem.detail.cause));
    }
    logger.log(status >= 500 ? "error" : "info", "request", fields);
  };
}
