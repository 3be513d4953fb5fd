import { median, percentile, ratios, type Spread, spread } from "../statistics.ts";
import { number, type Table } from "../table.ts";
import { OPEN_MS } from "./expiry.ts";
import type { FanOut, ReadCost, Unit } from "./fan-out.ts";
import { DAYS, GROWING, type GrowingTable, type Growth, PER_DAY } from "./growth.ts";
import type { Query, Series } from "./series.ts";
import { EXPIRING, NAMES, type Subject } from "./terms.ts";

export function speedTable(series: readonly Series[], { runs }: { runs: number }): Table {
  return {
    title: `${number(EXPIRING)} rows expire while others read and insert: ${runs} interleaved runs`,
    head: ["", "rows", "ms", "s/million expired", "min", "max", "of the smallest", "VACUUM, ms", "of the smallest"],
    rows: series.map((each) => {
      const { min, median: middle, max } = spread(each.perMillion);
      const vacuum = median(each.vacuum) * 1_000;
      return [
        NAMES[each.subject],
        number(each.rows),
        number((middle * EXPIRING) / 1_000),
        ...[middle, min, max].map((value) => number(value, 2)),
        number(ofSmallest(series, each).median, 2),
        ...(vacuum === 0 ? ["–", "–"] : [number(vacuum), number(ofSmallest(series, each, "vacuum").median, 2)]),
      ];
    }),
  };
}

/** What a size takes of what the smallest takes, run by run: 1 where the table's size does not matter. */
export function ofSmallest(
  series: readonly Series[],
  each: Series,
  figure: "perMillion" | "vacuum" = "perMillion",
): Spread {
  const smallest = series.find(({ subject }) => subject === each.subject) as Series;
  return spread(ratios(each[figure], smallest[figure]));
}

/** Of how many there must be to speak of a hundredth. */
const LEAST_FOR_P99 = 100;

export interface Latencies {
  p50: number;
  /** Null for too few. */
  p99: number | null;
  max: number;
  count: number;
}

/** In the unit of the values; null for none. */
export function latencies(values: readonly number[]): Latencies | null {
  if (values.length === 0) return null;
  const ascending = values.toSorted((a, b) => a - b);
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(ascending, share)) as [number, number, number];
  return { p50, p99: values.length < LEAST_FOR_P99 ? null : p99, max, count: values.length };
}

export function latencyTable(series: readonly Series[], query: Query): Table {
  const shown = (values: readonly number[]) => {
    const of = latencies(values);
    return of === null ? ["–", "–", "–"] : [of.p50, of.p99, of.max].map((ms) => (ms === null ? "–" : number(ms, 2)));
  };
  return {
    title: `${query === "reads" ? "Reads" : "Inserts"} before and while rows expire, ms`,
    head: ["", "rows", "p50", "p99", "max", "while: p50", "p99", "max", "samples"],
    rows: series.map(({ subject, rows, before, during }) => [
      NAMES[subject],
      number(rows),
      ...shown(before[query]),
      ...shown(during[query]),
      number(during[query].length),
    ]),
  };
}

export function locksTable(series: readonly Series[]): Table {
  return {
    title: "Locks on the table, and the longest wait for one of anybody who read or inserted, ms",
    head: ["", "rows", "strongest lock", "seen held", "longest wait"],
    rows: series.map(({ subject, rows, strongestLock, longestWaitMs }) => [
      NAMES[subject],
      number(rows),
      strongestLock?.mode.replace(/Lock$/, "") ?? "–",
      strongestLock === null ? "–" : number(strongestLock.ms, 1),
      wait(longestWaitMs),
    ]),
  };
}

export function slowReaderTable(series: readonly Series[]): Table {
  return {
    title: `Beside a reader whose transactions stay open for ${OPEN_MS} ms`,
    head: ["", "rows", "expiry, ms", "tries again for a lock", "longest wait for a lock, ms", "slowest query, ms"],
    rows: series.flatMap(({ subject, rows, slowReader }) =>
      slowReader === null
        ? []
        : [
            [
              NAMES[subject],
              number(rows),
              number(slowReader.seconds * 1_000),
              number(slowReader.retries),
              wait(slowReader.longestWaitMs),
              number(slowReader.slowestMs, 1),
            ],
          ],
    ),
  };
}

/** What is shorter than a millisecond is not logged. */
export function wait(ms: number): string {
  return ms === 0 ? "< 1" : number(ms, 1);
}

const GROWING_NAMES: Record<GrowingTable, string> = {
  dropped: `pings, 30 days: ${NAMES.dropped}`,
  "plain-pings": `pings, 30 days: ${NAMES.plain}`,
  "by-row": `executions, 1, 12, 24 months: ${NAMES["by-row"]}`,
  plain: `executions, 1, 12, 24 months: ${NAMES.plain}`,
  created: `executions, 1, 12, 24 months: ${NAMES.created}`,
};

export function growthTable(growth: Growth): Table {
  const mebibytes = (bytes: number) => number(bytes / 2 ** 20, 1);
  return {
    title: `Size on disk over ${DAYS} simulated days, MiB: ${number(PER_DAY.pings)} pings and ${number(PER_DAY.executions)} executions written a day, a purge a day`,
    head: ["", "day 0", "day 10", "day 20", `day ${DAYS}`, "most", "in the end of day 0", "bytes/row", "vacuums"],
    rows: GROWING.map((name) => {
      const { bytes, rows, vacuums } = growth[name];
      return [
        GROWING_NAMES[name],
        ...[0, 10, 20, DAYS].map((day) => mebibytes(bytes[day] as number)),
        mebibytes(Math.max(...bytes)),
        number(grown(growth, name), 2),
        number((bytes.at(-1) as number) / rows),
        number(vacuums),
      ];
    }),
  };
}

/** The size in the end, of that in the beginning. */
export function grown(growth: Growth, name: GrowingTable): number {
  const { bytes } = growth[name];
  return (bytes.at(-1) as number) / (bytes[0] as number);
}

const UNIT_NAMES: Record<Unit, string> = { day: "by the day", month: "by the month", quarter: "by the quarter" };

export function fanOutTable(fanOut: readonly FanOut[]): Table {
  const row = (name: string, partitions: string, { planning, execution, client }: ReadCost, ratio: Spread | null) => [
    name,
    partitions,
    ...[planning, execution, client].map(({ median: middle }) => number(middle, 2)),
    ...(ratio === null ? ["1", "", ""] : [ratio.median, ratio.min, ratio.max].map((value) => number(value, 1))),
  ];
  return {
    title:
      "A page of a tenant's rows by time of recording: over all partitions, with the bounds of their expiry said too, on one table",
    head: ["", "partitions", "planning ms", "execution ms", "client ms", "of one table", "min", "max"],
    rows: fanOut.flatMap(({ unit, partitions, all, bounded, single, ratio, boundedRatio }) => [
      row(UNIT_NAMES[unit], number(partitions), all, ratio),
      row(`${UNIT_NAMES[unit]}, bounded`, number(partitions), bounded, boundedRatio),
      row("  the same rows in one table", "–", single, null),
    ]),
  };
}

export function seriesOf(series: readonly Series[], subject: Subject): Series[] {
  return series.filter((each) => each.subject === subject);
}
