import type { Terms } from "./terms.ts";

/** What somebody did, held against the definition: at most the limit in any trailing window, and refused only where so many were. */
export interface Verdict {
  arrivals: number;
  admitted: number;
  /** The most that was admitted in any window. */
  most: number;
  /** Admitted though the window already held the limit. */
  wronglyAdmitted: number;
  /** Refused though it did not. */
  wronglyDenied: number;
  /** How far below the limit the emptiest window was in which one was refused. */
  shortfall: number;
}

/**
 * Judges each by its own admissions, counted one by one in (now - window, now]: whoever admitted one too many is not
 * blamed again for refusing the next.
 */
export function judge(arrivals: readonly number[], admitted: readonly boolean[], { limit, windowS }: Terms): Verdict {
  const own: number[] = [];
  const verdict = { wronglyAdmitted: 0, wronglyDenied: 0, shortfall: 0 };
  for (const [index, now] of arrivals.entries()) {
    const held = heldAt(own, now, windowS * 1000);
    if (admitted[index] === true) {
      if (held >= limit) verdict.wronglyAdmitted += 1;
      own.push(now);
    } else if (held < limit) {
      verdict.wronglyDenied += 1;
      verdict.shortfall = Math.max(verdict.shortfall, limit - held);
    }
  }
  return { arrivals: arrivals.length, admitted: own.length, most: mostInAnyWindow(own, windowS * 1000), ...verdict };
}

/** How many of these ascending times lie in (now - window, now]. */
export function heldAt(times: readonly number[], nowMs: number, windowMs: number): number {
  let held = 0;
  for (let index = times.length - 1; index >= 0; index--) {
    const at = times[index] as number;
    if (at <= nowMs - windowMs) break;
    if (at <= nowMs) held += 1;
  }
  return held;
}

/** The largest number of these ascending times in any half-open window: one that ends with an admission holds the most. */
function mostInAnyWindow(times: readonly number[], windowMs: number): number {
  let most = 0;
  let oldest = 0;
  for (const [index, at] of times.entries()) {
    while ((times[oldest] as number) <= at - windowMs) oldest += 1;
    most = Math.max(most, index - oldest + 1);
  }
  return most;
}
