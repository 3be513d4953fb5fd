import type { Target } from "../bench.ts";
import { number } from "../table.ts";
import { DAYS, type GrowingTable, type Growth } from "./growth.ts";
import type { Series } from "./series.ts";
import { grown, ofSmallest, seriesOf } from "./tables.ts";
import { EXPIRING, type Subject } from "./terms.ts";

/** Two DROPs of some milliseconds: what the machine does besides is not little against that. */
const MOST_DROPPED = 1.5;
const MOST_BY_ROW = 1.2;
const MOST_GROWN = 1.1;
/** The lock timeout of a DROP is half of it. */
const MOST_WAIT_MS = 100;

export function expiryTargets(series: readonly Series[]): Target[] {
  const size = (subject: Subject, what: string, most: number): Target[] =>
    seriesOf(series, subject)
      .slice(1)
      .map((each) => {
        const { median } = ofSmallest(series, each);
        const [smallest] = seriesOf(series, subject);
        return {
          sentence: `${what} takes ${number(median, 2)} at ${number(each.rows)} rows of what it takes at ${number(smallest?.rows ?? 0)} (at most ${number(most, 1)})`,
          met: median <= most,
        };
      });
  const ours = [...seriesOf(series, "dropped"), ...seriesOf(series, "by-row")];
  const longest = Math.max(...ours.flatMap((each) => [each.longestWaitMs, each.slowReader?.longestWaitMs ?? 0]));
  const runs = ours.reduce((sum, { ran }) => sum + ran, 0);
  return [
    ...size("dropped", "dropping a partition", MOST_DROPPED),
    ...size("by-row", "purging by row", MOST_BY_ROW),
    {
      sentence: `nobody who read or inserted waited longer than ${number(Math.max(1, longest), 1)} ms for a lock of ours, slow reader or not (at most ${MOST_WAIT_MS})`,
      met: longest <= MOST_WAIT_MS,
    },
    {
      // What is missing or too much throws.
      sentence: `after ${number(runs)} runs of ours and ${DAYS} simulated days 0 rows too many and 0 too few (0; ${number(EXPIRING)} had expired in each run)`,
      met: true,
    },
  ];
}

export function growthTargets(growth: Growth): Target[] {
  const target = (name: GrowingTable, what: string): Target => {
    const ratio = grown(growth, name);
    return {
      sentence: `after ${DAYS} simulated days ${what} take ${number(ratio, 2)} of the disk that they took before (at most ${number(MOST_GROWN, 1)})`,
      met: ratio <= MOST_GROWN,
    };
  };
  return [target("dropped", "our pings"), target("by-row", "our tool executions")];
}
