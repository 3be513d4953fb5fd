import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { takeOrRefuse } from "./limit.ts";
import { platformGateId } from "./platform.ts";

/**
 * Counts an attempt at a user code, right or wrong, by who makes it and from which network: a code is short, and whoever
 * may guess without end finds somebody's (RFC 8628 section 5.1). Then does what it is for, and records a code that its
 * caller may not know of, whatever the reason. Throws `quota-exceeded`, `unavailable`, and what `fn` throws.
 */
export async function tryUserCode<T>(
  deps: Pick<Deps, "gates" | "random" | "logger">,
  requestId: string,
  { network, person }: { network: string; person: string },
  fn: () => Promise<T>,
): Promise<T> {
  await takeOrRefuse(deps, platformGateId(network), { requestId, routeClass: "user-code", subjects: { network } });
  await takeOrRefuse(deps, platformGateId(person), { requestId, routeClass: "user-code", subjects: { person } });
  try {
    return await fn();
  } catch (error) {
    if (error instanceof Problem && error.problem === "not-found") {
      deps.logger.log("info", "user-code-unknown", { requestId });
    }
    throw error;
  }
}
