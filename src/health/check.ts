import type { Clock } from "../core/clock.ts";
import type { Sql } from "../db/connect.ts";

export interface Health {
  status: "ok" | "degraded";
  checks: { database: "ok" | "unreachable" };
  /** When this was found out, ms since 1970. */
  checkedAtMs: number;
}

/** How long an answer is given again: health is asked for often, and must not be a way to load the database. */
const FRESH_MS = 5_000;
const PATIENCE_MS = 2_000;

/**
 * A health check that asks Postgres at most once in five seconds an isolate, and waits for it two seconds. Degraded, not
 * down: without Postgres instances still renew their tokens and ping.
 */
export function healthCheck(sql: Sql, clock: Clock): () => Promise<Health> {
  let known: Health | null = null;
  return async function checkHealth(): Promise<Health> {
    const now = clock.now();
    if (known !== null && now - known.checkedAtMs < FRESH_MS) return known;
    const reached = await sql
      .query("select 1", [], PATIENCE_MS)
      .then(() => true)
      .catch(() => false);
    known = {
      status: reached ? "ok" : "degraded",
      checks: { database: reached ? "ok" : "unreachable" },
      checkedAtMs: now,
    };
    return known;
  };
}
