import { seeded } from "./random.ts";
import type { Terms } from "./terms.ts";

/** Arrivals in ms, ascending. */
export interface Trace {
  name: string;
  arrivals: readonly number[];
  /** Before which arrival everyone's object is thrown out of memory; null when never. */
  restartBefore: number | null;
}

/** A multiple of every window used here: cells since the epoch begin here, as windows from the first arrival do. */
export const BEGIN_MS = 29_916_667 * 60_000;

const SEED = 1;
/** How long each trace is, in windows. */
const WINDOWS = 24;
/** What comes at once comes in this part of a window: 0.6 s of a minute. */
const AT_ONCE = 0.01;

/** Every subject meets the same arrivals. Times are in windows from the begin (`w`), and become ms here alone. */
export function traces(terms: Terms): Trace[] {
  const { limit } = terms;
  const windowMs = terms.windowS * 1000;
  const trace = (name: string, times: readonly number[]): Trace => ({
    name,
    arrivals: times.map((w) => BEGIN_MS + Math.round(w * windowMs)).sort((a, b) => a - b),
    restartBefore: null,
  });
  /** `count` arrivals, evenly from `from` until before `until`. */
  const evenly = (count: number, from: number, until: number) =>
    Array.from({ length: Math.round(count) }, (_, n) => from + (n * (until - from)) / Math.round(count));
  const atOnce = (count: number, from: number) => evenly(count, from, from + AT_ONCE);
  /** What happens every `period` windows, from each one's begin. */
  const every = (period: number, offset: number, happening: (from: number) => number[]) =>
    Array.from({ length: Math.floor((WINDOWS - offset) / period) }, (_, n) => happening(offset + n * period)).flat();
  const poisson = (load: number) => {
    const random = seeded(SEED);
    const times: number[] = [];
    const gap = () => -Math.log(1 - random()) / (load * limit);
    for (let w = gap(); w < WINDOWS; w += gap()) times.push(w);
    return times;
  };

  const overload = trace("Poisson, 1.5 of the limit", poisson(1.5));
  return [
    trace("Poisson, 0.9 of the limit", poisson(0.9)),
    overload,
    // The first arrival sets the border of those whose windows begin with it; a quiet window in between.
    trace(
      "Border straddle",
      every(3, 0, (from) => [from, ...evenly(limit - 1, from + 1 - AT_ONCE, from + 1), ...atOnce(limit, from + 1)]),
    ),
    trace(
      "0.8 L every 0.73 W",
      every(0.73, 0, (from) => atOnce(0.8 * limit, from)),
    ),
    trace(
      "L every W",
      every(1, 0.5, (from) => atOnce(limit, from)),
    ),
    trace(
      "L every 1.25 W",
      every(1.25, 0.5, (from) => atOnce(limit, from)),
    ),
    // A whole quota at a cell's end, then steady demand at the limit, then a quiet window.
    trace(
      "Cell's end, then steady",
      every(3, 0, (from) => [...evenly(limit, from + 1 - AT_ONCE, from + 1), ...evenly(limit, from + 1, from + 2)]),
    ),
    { ...overload, name: "Poisson, 1.5, restart", restartBefore: Math.floor(overload.arrivals.length / 2) },
  ];
}
