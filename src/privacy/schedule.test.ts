import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { session } from "../testing/scratch-database.ts";
import { databaseUrls } from "../testing/world.ts";
import { expiry, intervalSql, SCHEDULE, type Window } from "./schedule.ts";

/** `expiry()` here and `ebb.expiry()` in Postgres are one definition written twice: they may never disagree. */

const windows: Window[] = [
  ...new Map(Object.values(SCHEDULE).map(({ window }) => [JSON.stringify(window), window as Window])).values(),
];
const months = (count: number): Window => ({ unit: "month", count });
const at = (iso: string) => Date.parse(iso);
const FIRST_DAY = at("1970-01-01T00:00:00Z");
const DAYS = (at("2101-01-01T00:00:00Z") - FIRST_DAY) / 86_400_000;

/** What Postgres says, in ms, for each anchor in ms, in a session of this time zone. */
async function inPostgres(anchors: readonly number[], window: Window, zone = "UTC"): Promise<number[]> {
  return await session(databaseUrls().owner, async (client) => {
    await client.query(`set timezone = '${zone}'`);
    const { rows } = await client.query<{ list: string }>(
      `select string_agg((extract(epoch from ebb.expiry('epoch'::timestamptz + ms * interval '1 millisecond', ${intervalSql(window)})) * 1000)::bigint::text, ',' order by i) as list
         from unnest($1::bigint[]) with ordinality as anchors (ms, i)`,
      [`{${anchors.join(",")}}`],
    );
    return (rows[0]?.list ?? "").split(",").map(Number);
  });
}

describe.each(["UTC", "America/New_York", "Pacific/Apia"])("in a session of %s", (zone) => {
  it.each(windows.map((window) => [intervalSql(window), window] as const))(
    "every day from 1970 to 2100 with %s",
    async (_, window) => {
      // The last millisecond of each day: in other zones, and with a slip of a millisecond, another date.
      const anchors = Array.from(
        { length: DAYS },
        (_, day) => FIRST_DAY + day * 86_400_000 + (day % 2 === 0 ? 0 : 86_399_999),
      );
      const said = await inPostgres(anchors, window, zone);
      expect(anchors.findIndex((anchor, i) => said[i] !== expiry(anchor, window))).toBe(-1);
      expect(said).toHaveLength(DAYS);
    },
  );
});

it("any instant with any number of months", async () => {
  const anchor = fc.integer({ min: at("1970-01-01T00:00:00Z"), max: at("2200-12-31T23:59:59Z") });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 150 }),
      fc.array(anchor, { minLength: 50, maxLength: 50 }),
      async (count, anchors) => {
        expect(await inPostgres(anchors, months(count), "Pacific/Apia")).toEqual(
          anchors.map((one) => expiry(one, months(count))),
        );
      },
    ),
    { numRuns: 20 },
  );
});

describe("by hand", () => {
  it.each([
    ["a leap day and 12 months", "2024-02-29T12:00:00Z", 12, "2025-02-28T12:00:00Z"],
    ["a leap day and 48 months", "2024-02-29T12:00:00Z", 48, "2028-02-29T12:00:00Z"],
    ["a leap day and 84 months", "2024-02-29T23:59:59.999Z", 84, "2031-02-28T23:59:59.999Z"],
    ["31 August and a month", "2025-08-31T00:00:00Z", 1, "2025-09-30T00:00:00Z"],
    ["31 August and 6 months", "2025-08-31T00:00:00Z", 6, "2026-02-28T00:00:00Z"],
    ["31 August and 18 months, to a leap year", "2026-08-31T00:00:00Z", 18, "2028-02-29T00:00:00Z"],
    ["31 December and 14 months", "2025-12-31T23:59:59.999Z", 14, "2027-02-28T23:59:59.999Z"],
    ["a year that is no leap year", "2096-02-29T00:00:00Z", 48, "2100-02-28T00:00:00Z"],
  ])("%s", async (_, anchor, count, end) => {
    expect(new Date(expiry(at(anchor), months(count))).toISOString()).toBe(new Date(end).toISOString());
    expect(await inPostgres([at(anchor)], months(count))).toEqual([at(end)]);
  });

  it("days have 24 hours, also where a session's clock is put forward", async () => {
    const before = at("2026-03-01T06:30:00Z");
    expect(expiry(before, { unit: "day", count: 30 }) - before).toBe(30 * 86_400_000);
    expect(await inPostgres([before], { unit: "day", count: 30 }, "America/New_York")).toEqual([
      before + 30 * 86_400_000,
    ]);
  });

  it("what has not happened never expires: infinity, and in Postgres null too", async () => {
    for (const window of windows) {
      expect(expiry(Number.POSITIVE_INFINITY, window)).toBe(Number.POSITIVE_INFINITY);
      const rows = await session(databaseUrls().owner, async (client) => {
        const kept = intervalSql(window);
        return (
          await client.query(
            `select ebb.expiry(null, ${kept})::text as nothing, ebb.expiry('infinity', ${kept})::text as never`,
          )
        ).rows;
      });
      expect(rows).toEqual([{ nothing: "infinity", never: "infinity" }]);
    }
  });
});
