import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { quotaExceeded, rateLimitHeaders } from "../limits/headers.ts";
import { callGate, gateUnavailable } from "./call.ts";
import { type DecisionText, decodeDecision } from "./decision-text.ts";
import { PROTOCOL, type TakeCall } from "./protocol.ts";

/**
 * Takes one call of a route class from every limit that applies to this caller. Returns the RateLimit headers of the
 * answer. Throws `quota-exceeded`, `cost-above-limit`, what the gate refuses the credential for, and `unavailable` when
 * the gate does not answer: these routes are closed then.
 */
export async function takeOrRefuse(
  deps: Pick<Deps, "gates" | "random">,
  gateId: string,
  call: Omit<TakeCall, "v" | "gateId">,
): Promise<Record<string, string>> {
  const answer = await callGate(deps, gateId, (gate) => gate.take({ v: PROTOCOL, gateId, ...call })).catch(
    (error: unknown) => {
      throw gateUnavailable(deps, error);
    },
  );
  if (answer.outcome === "refused") throw new Problem(answer.reason);
  return admittedHeaders(answer.decision);
}

/** The headers of an admitted decision; throws the Problem of a refused one. */
export function admittedHeaders(text: DecisionText): Record<string, string> {
  const decision = decodeDecision(text);
  const headers = rateLimitHeaders(decision.states);
  if (decision.admitted) return headers;
  // Waiting would not help: a 429 would have its caller wait for ever.
  if (decision.retryAfterS === Number.POSITIVE_INFINITY) {
    throw new Problem("cost-above-limit", { members: { "violated-policies": decision.violated }, headers });
  }
  throw new Problem("quota-exceeded", { ...quotaExceeded(decision), headers });
}
