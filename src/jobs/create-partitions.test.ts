import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "../core/log.ts";
import { instantToSql } from "../db/columns.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { expiry, SCHEDULE } from "../privacy/schedule.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import { createPartitions } from "./create-partitions.ts";

/** Partitions exist before they are needed: whatever is written in the next fourteen days finds its place. */

const BUCKET_MS = { hour: 3_600_000, day: 86_400_000 };

const DAY_MS = 86_400_000;
let database: ScratchDatabase;
beforeEach(async () => {
  database = await scratchDatabase();
});
afterEach(() => database.drop());

const run = (nowMs: number) =>
  createPartitions({ jobs: database.as("jobs"), clock: { now: () => nowMs }, logger: silentLogger });

const partitioned = declaredTables().filter(({ layout }) => layout.kind === "partitioned");
/** Bounds in ms; a bound of microseconds is cut. */
const bounds = async (table: string) =>
  (
    await database
      .as("owner")
      .query(
        "select extract(epoch from lower_bound) * 1e6 as low, extract(epoch from upper_bound) * 1e6 as high from ebb.partitions($1)",
        [`public.${table}`],
      )
  ).map((row) => ({ low: BigInt(Math.round(Number(row["low"]))), high: BigInt(Math.round(Number(row["high"]))) }));

it("what is recorded at any moment of the next fourteen days, or comes up to thirty days late for a bucket, has a place", async () => {
  // Leap day, month's end and year's end included; in the far future, so that nothing is there yet.
  for (const now of ["2044-02-28T23:59:59.999Z", "2045-08-31T00:00:00Z", "2046-12-31T12:00:00Z"].map((iso) =>
    Date.parse(iso),
  )) {
    await run(now);
    for (const { table, anchor, retention } of partitioned) {
      const all = await bounds(table);
      const { window, mayVary } = SCHEDULE[retention];
      const windows = [window, mayVary?.least ?? window, mayVary?.greatest ?? window];
      const late = anchor.at === "bucket" ? 30 * DAY_MS : 0;
      fc.assert(
        fc.property(
          fc.integer({ min: now - late, max: now + 14 * DAY_MS }),
          fc.constantFrom(...windows),
          (writtenMs, kept) => {
            const bucketMs = anchor.at === "bucket" ? BUCKET_MS[anchor.granularity] : 1;
            const expiresMs = expiry(Math.floor(writtenMs / bucketMs) * bucketMs, kept);
            // What has expired already needs none.
            fc.pre(expiresMs > now);
            const at = BigInt(expiresMs) * 1000n;
            expect(
              all.filter(({ low, high }) => low <= at && at < high),
              `${table} ${instantToSql(expiresMs)}`,
            ).toHaveLength(1);
          },
        ),
      );
    }
  }
});

it("makes nothing twice, and at once from two sides everything once", async () => {
  const now = Date.parse("2047-05-05T02:23:00Z");
  const [one, two] = await Promise.all([run(now), run(now)]);
  const created = [...one.created, ...two.created];
  expect(new Set(created).size).toBe(created.length);
  expect(created.length).toBeGreaterThan(40);
  expect(await run(now)).toEqual({ created: [] });
  const nextDay = (await run(now + DAY_MS)).created;
  expect(nextDay).toContainEqual(expect.stringContaining("pings_2047_06_"));
  const byDay = partitioned.flatMap(({ table, layout }) =>
    layout.kind === "partitioned" && layout.by === "day" ? [table] : [],
  );
  expect(nextDay.map((name) => name.replace(/_\d{4}_\d\d_\d\d$/, ""))).toEqual(byDay);
});

it("makes no more than it must: a clone of the database copies each of them", async () => {
  const [row] = await database
    .as("owner")
    .query("select count(*)::int as count from pg_class where relispartition and relkind = 'r'");
  expect(row?.["count"]).toBeLessThan(300);
});
