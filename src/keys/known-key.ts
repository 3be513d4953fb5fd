import type { KeyCredential } from "../access/credential.ts";
import { toHex } from "../core/bytes.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { decodeDecision } from "../gate/decision-text.ts";
import { admittedHeaders } from "../gate/limit.ts";
import { type Gate, PROTOCOL, type TakeAnswer } from "../gate/protocol.ts";
import { rateLimitHeaders } from "../limits/headers.ts";
import type { RouteClass } from "../limits/route-classes.ts";
import { type KeyFacts, lookUpKey } from "./facts.ts";
import { refuseElsewhere, type Whence } from "./restrictions.ts";

export interface KeyCall extends Whence {
  requestId: string;
  /** From which it comes, ISO 3166-1; null where Cloudflare does not say. */
  country: string | null;
  routeClass?: RouteClass;
}

/** More countries than this are not told apart (ebb.look_up_key). */
const MOST_PLACES = 20;

/**
 * What every call with a key or token begins with: takes it from the limits, and says what is known of the key. One call
 * to the gate, and no database, while the gate knows it; else one look-up, which the gate is taught. A first call from a
 * country is looked up too. Throws `quota-exceeded`, `not-accepted-here`, what a look-up throws and `unavailable`.
 */
export async function knownKey(
  deps: Deps,
  { gateId, hash }: KeyCredential,
  call: KeyCall,
): Promise<{ facts: KeyFacts; headers: Record<string, string> }> {
  const { requestId, country, routeClass = "account" } = call;
  const key = toHex(hash);
  const taken = await askGate(deps, gateId, (gate) =>
    gate.take({ v: PROTOCOL, gateId, requestId, routeClass, subjects: { key }, facts: true }),
  );
  let headers = admittedHeaders(taken.decision);
  let facts = taken.facts === undefined ? null : (JSON.parse(taken.facts) as KeyFacts);
  if (facts === null || isNews(facts, country)) {
    const takes = facts === null;
    facts = await lookUpKey(deps.app, hash, { country, requestId });
    const { callsPerHour, validUntil: validUntilMs } = facts;
    // A gate of the version before gives none, and learns nothing.
    if (taken.ticket !== undefined) {
      const learn = { key, facts: JSON.stringify(facts), callsPerHour, validUntilMs, ticket: taken.ticket, takes };
      const learned = await askGate(deps, gateId, (gate) => gate.learn({ v: PROTOCOL, gateId, requestId, ...learn }));
      admittedHeaders(learned.decision);
      headers = rateLimitHeaders([taken, learned].flatMap(({ decision }) => decodeDecision(decision).states));
    }
  }
  refuseElsewhere(facts, call);
  return { facts, headers };
}

function isNews({ places }: KeyFacts, country: string | null): boolean {
  return country !== null && !places.includes(country) && places.length < MOST_PLACES;
}

async function askGate(deps: Deps, gateId: string, ask: (gate: Gate) => Promise<TakeAnswer>) {
  const answer = await callGate(deps, gateId, ask).catch((error: unknown) => {
    throw gateUnavailable(deps, error);
  });
  if (answer.outcome === "refused") throw new Problem(answer.reason);
  return answer;
}
