import type { Clock } from "../../core/clock.ts";
import { type Id, newId } from "../../core/id.ts";

/**
 * Names a request by a fresh id of ours. An inbound `X-Request-Id` is never read: it would let a caller write into our
 * logs, or pass its requests off as another's.
 */
export function requestIds(clock: Clock): (nowMs?: number) => Id<"request"> {
  return function requestId(nowMs = clock.now()) {
    return newId("request", nowMs);
  };
}
