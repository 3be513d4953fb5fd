const FIRST_MS = 2_000;
const LONGEST_MS = 60_000;

/**
 * How long to wait before the nth attempt (from 1) after failures: doubling, capped, and spread over half of it so that
 * gates which failed together do not come back together. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(16, attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}
