import { serializeList } from "structured-headers";
import type { Decision, PolicyState } from "./limiter.ts";

/**
 * `RateLimit-Policy` and `RateLimit` as draft-ietf-httpapi-ratelimit-headers-11 has them (RFC 9651 lists of strings
 * with parameters): `q` the quota, `w` the window in seconds (a calendar month is none), `r` what remains, `t` the
 * seconds until more does. All that depends on that draft is here.
 */
export function rateLimitHeaders(states: readonly PolicyState[]): Record<string, string> {
  if (states.length === 0) return {};
  return {
    "RateLimit-Policy": list(states, ({ limit, windowS }) =>
      windowS === "month"
        ? [["q", limit]]
        : [
            ["q", limit],
            ["w", windowS],
          ],
    ),
    RateLimit: list(states, ({ remaining, resetS }) => [
      ["r", remaining],
      ["t", resetS],
    ]),
  };
}

function list(states: readonly PolicyState[], parameters: (state: PolicyState) => [string, number][]): string {
  return serializeList(states.map((state) => [state.name, new Map(parameters(state))]));
}

/** The members that a 429 adds to its problem details: which policies refused (the draft's quota-exceeded type). */
export function quotaExceeded(decision: Decision): { retryAfterS: number; members: Record<string, unknown> } {
  return { retryAfterS: Math.max(1, decision.retryAfterS), members: { "violated-policies": decision.violated } };
}
