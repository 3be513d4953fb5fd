import { SECOND_MS } from "../core/clock.ts";

/** What is stored of a device code; times in milliseconds since 1970. */
export interface DeviceFacts {
  clientId: string;
  issuedAtMs: number;
  expiresAtMs: number;
  approved: boolean;
  denied: boolean;
  /** When its tokens were handed out. */
  usedAt: number | null;
  /** When it was last asked for. */
  polledAtMs: number | null;
  /** How many seconds the client must let pass between two requests. */
  intervalS: number;
}

export type PollReason = "pending" | "slow-down" | "denied" | "expired" | "unknown" | "used" | "other-client";

/** With `intervalS` the poll is to be recorded: that it took place now, and that this is the interval from now on. */
export type PollDecision =
  | { kind: "grant" }
  | { kind: "refuse"; reason: "pending" | "slow-down"; intervalS: number }
  | { kind: "refuse"; reason: Exclude<PollReason, "pending" | "slow-down">; intervalS?: undefined };

/** RFC 8628 section 3.2: the interval when none is said, which is ours. */
export const DEVICE_INTERVAL_S = 5;
/** RFC 8628 section 3.5: how much longer every `slow_down` makes it, for good. */
export const SLOW_DOWN_S = 5;
/**
 * By how much a poll may come early. A client that asks at a fixed rate keeps the interval, and yet two of its requests
 * arrive closer together when the first was longer on its way; it must not lose five seconds for that.
 */
export const POLL_TOLERANCE_MS = 500;

/**
 * Answers a poll (RFC 8628 sections 3.4 and 3.5). Checked in this order:
 * 1. Nothing stored: a genuine code of ours, whose HMAC was checked, has expired and is purged; any other is unknown.
 * 2. Another client's: `invalid_grant`, and nothing changes, not even when it was last asked for: nobody slows another down.
 * 3. Used: once is all that a code is good for.
 * 4. Expired, approved or not.
 * 5. Denied, then approved: told whenever it is asked, also too soon. `slow_down` is a kind of `authorization_pending`
 *    (section 3.5), so it is said only while nobody has decided.
 * 6. Too soon: five seconds longer, for this and all later requests; else pending. The first request is never too soon:
 *    the interval lies between two requests.
 */
export function decidePoll(facts: DeviceFacts | null, genuine: boolean, clientId: string, nowMs: number): PollDecision {
  if (facts === null) return { kind: "refuse", reason: genuine ? "expired" : "unknown" };
  if (facts.clientId !== clientId) return { kind: "refuse", reason: "other-client" };
  if (facts.usedAt !== null) return { kind: "refuse", reason: "used" };
  if (nowMs >= facts.expiresAtMs) return { kind: "refuse", reason: "expired" };
  if (facts.denied) return { kind: "refuse", reason: "denied" };
  if (facts.approved) return { kind: "grant" };
  const { polledAtMs, intervalS } = facts;
  const early = polledAtMs !== null && nowMs - polledAtMs < intervalS * SECOND_MS - POLL_TOLERANCE_MS;
  return early
    ? { kind: "refuse", reason: "slow-down", intervalS: slower(facts) }
    : { kind: "refuse", reason: "pending", intervalS };
}

/** Never beyond the code's life: a client that heeds nothing shall not make the number grow without end. */
function slower({ intervalS, issuedAtMs, expiresAtMs }: DeviceFacts): number {
  return Math.max(intervalS, Math.min(intervalS + SLOW_DOWN_S, Math.ceil((expiresAtMs - issuedAtMs) / SECOND_MS)));
}
