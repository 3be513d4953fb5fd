const DAY_MS = 86_400_000;
/** A ping comes up to this much earlier or later than 24 hours after the last one. */
const SPREAD_MS = 4 * 3_600_000;
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;

function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/**
 * Whether the day (UTC) of `nowMs` has its ping already. A last ping more than two days ahead was made by a clock that
 * was wrong, and silences nothing.
 */
export function pingedToday(lastAtMs: number | null, nowMs: number): boolean {
  return lastAtMs !== null && dayOf(lastAtMs) >= dayOf(nowMs) && lastAtMs < nowMs + 2 * DAY_MS;
}

/**
 * The next ping's instant: about 24 hours after the last, when this machine is likely to be on, but always on the UTC day
 * after it, so that every day has one and none has two. Instances that started together drift apart within days.
 */
export function nextPingAt(lastAtMs: number, random: number): number {
  const start = (dayOf(lastAtMs) + 1) * DAY_MS;
  const end = start + DAY_MS - 1;
  const wanted = lastAtMs + DAY_MS + (2 * unit(random) - 1) * SPREAD_MS;
  // Reflected at midnight rather than cut: a cut would gather instances there.
  const reflected = wanted < start ? 2 * start - wanted : wanted > end ? 2 * end - wanted : wanted;
  return Math.floor(Math.min(Math.max(reflected, start), end));
}

/** Full jitter: anywhere up to a bound that doubles with each failure, and never before the service wants it. */
export function retryDelay(failures: number, random: number, retryAfterMs = 0): number {
  const bound = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 20));
  return Math.floor(retryAfterMs + unit(random) * bound);
}

/** A host's random numbers may be anything. */
function unit(random: number): number {
  return random >= 0 && random < 1 ? random : 0.5;
}
