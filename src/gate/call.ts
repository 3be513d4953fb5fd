import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import type { Gate } from "./protocol.ts";

/** Stubs in all that a call may use: a stub that has thrown stays broken, so each attempt takes a fresh one. */
const ATTEMPTS = 3;

/** What a Durable Object's stub throws (Cloudflare, "Error handling"). */
interface StubError {
  overloaded?: boolean;
  retryable?: boolean;
}

/** The gate could not be reached, or its answer was lost: whether it acted is unknown. */
export class GateUnreachable extends Error {
  override readonly name = "GateUnreachable";
  /** The object has more to do than it can: no other way round either, it would only add to the load. */
  readonly overloaded: boolean;

  constructor(cause: unknown) {
    super("gate unreachable", { cause });
    this.overloaded = (cause as StubError | null)?.overloaded === true;
  }
}

/**
 * Calls a gate. Tries again only what the runtime declares `retryable` (the object moved or restarted before it acted),
 * never what is `overloaded`, and nothing whose outcome is unknown. Throws `GateUnreachable`.
 */
export async function callGate<T>(
  deps: Pick<Deps, "gates">,
  gateId: string,
  call: (gate: Gate) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(deps.gates.gate(gateId));
    } catch (error) {
      const { overloaded, retryable } = (error ?? {}) as StubError;
      if (overloaded === true || retryable !== true || attempt === ATTEMPTS) throw new GateUnreachable(error);
    }
  }
}

/** Seconds after which to come back, spread so that callers who were refused together do not return together. */
export function jitteredRetryAfterS(random: number): number {
  return 5 + Math.floor(random * 25);
}

/** 503 for a gate that did not answer. */
export function gateUnavailable(deps: Pick<Deps, "random">, cause: unknown): Problem {
  return new Problem("unavailable", { retryAfterS: jitteredRetryAfterS(deps.random()), cause });
}
