import type { BenchContext } from "../bench.ts";
import { number } from "../table.ts";
import { strongest } from "./held-locks.ts";
import { makePlace, type Place, runOnce } from "./place.ts";
import { record, type Series, type SlowReader } from "./series.ts";
import type { PurgeStage } from "./stage.ts";
import { LARGE_SIZE, NAMES, SIZES, SUBJECTS } from "./terms.ts";
import type { Traffic } from "./traffic.ts";
import type { TrafficResult } from "./traffic-job.ts";

/** How long the transactions of the slow reader are open. */
export const OPEN_MS = 100;
/** A lock of a millisecond can be missed between two looks. */
const WATCHED_RUNS = 2;
/** Whether a purge meets one of them is a matter of luck. */
const SLOW_RUNS = 3;

/** Expires the same number of rows in tables of different sizes, everyone in turn, while others read and insert. */
export async function measureExpiry(
  stage: PurgeStage,
  traffic: Traffic,
  context: BenchContext,
  startMs: number,
): Promise<Series[]> {
  const { runs, large, say } = context;
  const allRuns = WATCHED_RUNS + runs + SLOW_RUNS;
  const places: Place[] = [];
  // The sizes of one subject follow each other: they are divided by each other, and neighbours share the machine's mood.
  for (const subject of SUBJECTS) {
    for (const rows of large ? [...SIZES, LARGE_SIZE] : SIZES) {
      say(`Writing ${number(rows)} rows: ${NAMES[subject]} …`);
      places.push(await makePlace(stage, subject, rows, { startMs, allRuns }));
    }
  }
  const run = (place: Place, extra: { watch?: boolean; openMs?: number }) =>
    runOnce(stage, traffic, context, place, extra);
  say("Warming up, and watching locks …");
  for (const place of places) {
    const seen: TrafficResult[] = [];
    for (let n = 0; n < WATCHED_RUNS; n++) seen.push((await run(place, { watch: true })).traffic);
    place.series.strongestLock = strongest(seen.flatMap(({ locks }) => locks));
    place.series.looksPerSecond = Math.min(...seen.map(({ looksPerSecond }) => looksPerSecond));
  }
  for (let n = 0; n < runs; n++) {
    // There and back: what slowly changes in the machine does not always hit the same subject.
    for (const place of n % 2 === 0 ? places : places.toReversed()) {
      record(place.series, await run(place, {}));
    }
    const said = places.map(
      ({ series }) => `${series.subject} ${number((series.perMillion.at(-1) as number) ?? 0, 1)}`,
    );
    say(`Run ${n + 1} of ${runs}, s/million: ${said.join(", ")}`);
  }
  say("Beside a slow reader …");
  for (const place of places.filter(({ series }) => series.rows === SIZES.at(-1))) {
    const slow: SlowReader = { seconds: 0, retries: 0, longestWaitMs: 0, slowestMs: 0 };
    for (let n = 0; n < SLOW_RUNS; n++) {
      const { expired, traffic: seen, longestWaitMs } = await run(place, { openMs: OPEN_MS });
      slow.seconds = Math.max(slow.seconds, expired.seconds);
      slow.retries = Math.max(slow.retries, expired.retries);
      slow.longestWaitMs = Math.max(slow.longestWaitMs, longestWaitMs);
      slow.slowestMs = Math.max(slow.slowestMs, ...[...seen.reads, ...seen.inserts].map(({ ms }) => ms));
    }
    place.series.slowReader = slow;
  }
  return places.map(({ series }) => series);
}
