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
 * A health check that asks Postgres at most once in five seconds an isolate, however many ask at once, and waits for it
 * two seconds. Degraded, not down: without Postgres instances still renew their tokens and ping.
 */
export function healthCheck(sql: Sql, clock: Clock): () => Promise<Health> {
  let known: Health | null = null;
  let asking: Promise<Health> | null = null;

  async function ask(nowMs: number): Promise<Health> {
    const reached = await sql
      .query("select 1", [], PATIENCE_MS)
      .then(() => true)
      .catch(() => false);
    known = {
      status: reached ? "ok" : "degraded",
      checks: { database: reached ? "ok" : "unreachable" },
      checkedAtMs: nowMs,
    };
    return known;
  }

  return async function checkHealth(): Promise<Health> {
    const nowMs = clock.now();
    if (known !== null && nowMs - known.checkedAtMs < FRESH_MS) return known;
    if (asking === null) {
      const mine = ask(nowMs);
      asking = mine;
      try {
        return await mine;
      } finally {
        if (asking === mine) asking = null;
      }
    }
    // A check dies with the request that began it, and would then never end: waited for no longer than it may take.
    const theirs = asking;
    const answer = await atMost(PATIENCE_MS, theirs);
    if (answer !== null) return answer;
    if (asking === theirs) asking = null;
    return await checkHealth();
  };
}

/** What the promise says, or null after so many ms. */
async function atMost<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<null>((resolve) => {
        timer = setTimeout(() => resolve(null), ms);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
