import type { HeldLock } from "./traffic-job.ts";

/** What one look at pg_locks saw, and when. */
export interface Look {
  at: number;
  modes: readonly string[];
}

/** As PostgreSQL orders them, the strongest last (its manual, table 13.2). */
const STRENGTH = [
  "AccessShareLock",
  "RowShareLock",
  "RowExclusiveLock",
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock",
];

/** The locks that were seen, each for as long as consecutive looks saw it: what is shorter than a look counts as one. */
export function heldLocks(looks: readonly Look[]): HeldLock[] {
  const held: HeldLock[] = [];
  for (const mode of new Set(looks.flatMap(({ modes }) => modes))) {
    let since: number | null = null;
    for (const [index, { at, modes }] of looks.entries()) {
      if (modes.includes(mode)) since ??= looks[index - 1]?.at ?? at;
      else if (since !== null) {
        held.push({ mode, ms: at - since });
        since = null;
      }
    }
    if (since !== null) held.push({ mode, ms: (looks.at(-1)?.at ?? since) - since });
  }
  return held;
}

/** The strongest of them, with the longest time for which it was held; null for none. */
export function strongest(held: readonly HeldLock[]): HeldLock | null {
  const rank = ({ mode }: HeldLock) => STRENGTH.indexOf(mode);
  return held.toSorted((a, b) => rank(b) - rank(a) || b.ms - a.ms)[0] ?? null;
}
