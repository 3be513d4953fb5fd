import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { quotaExceeded, rateLimitHeaders } from "../limits/headers.ts";
import type { Decision } from "../limits/limiter.ts";
import type { RouteClass } from "../limits/plans.ts";
import { callGate, gateUnavailable } from "./call.ts";
import { PROTOCOL } from "./protocol.ts";

/**
 * Takes one call of a route class from every limit that applies to this caller. Returns the RateLimit headers of the
 * answer. Throws `quota-exceeded`, and `unavailable` when the gate does not answer: these routes are closed then.
 */
export async function takeOrRefuse(
  deps: Deps,
  gateId: string,
  routeClass: RouteClass,
  caller: string,
): Promise<Record<string, string>> {
  const decision = await callGate(deps, gateId, (gate) => gate.take({ v: PROTOCOL, gateId, routeClass, caller })).catch(
    (error: unknown) => {
      throw gateUnavailable(deps, error);
    },
  );
  return admittedHeaders(decision);
}

/** The headers of an admitted decision; throws the Problem of a refused one. */
export function admittedHeaders(decision: Decision): Record<string, string> {
  const headers = rateLimitHeaders(decision.states);
  if (!decision.admitted) throw new Problem("quota-exceeded", { ...quotaExceeded(decision), headers });
  return headers;
}
