import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { stopAtNoon } from "../testing/aged-rows.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { reportOf, runPurge, troubles } from "../testing/purging.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";

/** Visits of the website: after 14 months nothing says any more whose they were, after 26 they are gone. */

let database: ScratchDatabase;
let noon: number;
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const purge = (text: string, params: unknown[] = []) => database.as("purge").query(text, params);

beforeAll(async () => {
  database = await scratchDatabase();
});
afterAll(() => checkInvariants(database).finally(() => database.drop()), 30_000);
beforeEach(async () => {
  noon = await stopAtNoon(database);
  await database
    .as("jobs")
    .query(
      "select count(*) from ebb.create_partitions('public.website_visits', 'month', $1::timestamptz - interval '1 month', $1::timestamptz + interval '26 months')",
      [new Date(noon).toISOString()],
    );
  await owner("delete from website_visits");
  await owner("delete from legal_holds");
});

const FULL = { visitor_id: "a visitor", referrer: "https://example.org", language: "de-AT", browser: "Firefox 150" };
const BARE = { visitor_id: null, referrer: null, language: "de", browser: null };
/** A visit that is so many months old by the clock, less or more by this; written when it was fresh unless it comes late. */
async function visit(months: number, more = "0", late = false): Promise<string> {
  const id = crypto.randomUUID();
  const text = `insert into website_visits (id, recorded_at, visitor_id, path, referrer, language, browser, expires_at)
    select $1, at, $2, '/pricing', $3, $4, $5, ebb.website_visits_expiry(at)
      from (select (ebb.clock() at time zone 'UTC' - make_interval(months => $6)) at time zone 'UTC' - $7::interval as at) as r`;
  const params = [id, FULL.visitor_id, FULL.referrer, FULL.language, FULL.browser, months, more];
  // The trigger that anonymises late rows keeps to the clock: for one of old the purge's work is left to do.
  const before = "alter table website_visits disable trigger website_visits_anonymise";
  if (!late) await owner(before);
  await owner(text, params);
  if (!late) await owner(before.replace("disable", "enable"));
  return id;
}
const contentOf = async (id: string) => {
  const [row] = await owner(
    "select visitor_id, referrer, language, browser, path, anonymised_at is not null as done from website_visits where id = $1",
    [id],
  );
  return row;
};
const left = { path: "/pricing", done: true, ...BARE };
const kept = { path: "/pricing", done: false, ...FULL };

it("at 14 months, to the microsecond, who it was goes; path and time stay; and the receipt counts it", async () => {
  const [before, at, after] = [await visit(14, "-1 microsecond"), await visit(14), await visit(25)];
  const [gone, last] = [await visit(26), await visit(26, "-1 microsecond")];
  const times = () =>
    owner("select id, recorded_at::text, expires_at::text from website_visits where id <> $1 order by 1", [gone]);
  const recorded = await times();
  const report = await runPurge(database, noon);
  expect(troubles(report)).toEqual([]);
  expect([await contentOf(before), await contentOf(at), await contentOf(after), await contentOf(last)]).toEqual([
    kept,
    left,
    left,
    left,
  ]);
  expect(await contentOf(gone)).toBeUndefined();
  expect(await times()).toEqual(recorded);
  expect(reportOf(report, "website_visits")).toMatchObject({ deleted: 1, anonymised: 3, finished: true });
  const [{ receipt } = {}] = await owner(
    "select receipt from purge_receipts where run_id = $1 and table_name = 'public.website_visits'",
    [report.run],
  );
  expect(JSON.parse(receipt as string)).toMatchObject({ deleted: 1, anonymised: 3 });
  const again = await runPurge(database, noon);
  expect(reportOf(again, "website_visits")).toMatchObject({ deleted: 0, anonymised: 0, overdueBeforeMs: 0 });
});

it("nothing brings it back: neither its owner's update nor taking the mark away", async () => {
  const id = await visit(14);
  await runPurge(database, noon);
  const marked = await owner("select anonymised_at from website_visits where id = $1", [id]);
  await owner(
    "update website_visits set visitor_id = 'a visitor', referrer = 'x', browser = 'y', language = 'de-AT', anonymised_at = null where id = $1",
    [id],
  );
  expect(await contentOf(id)).toEqual(left);
  expect(await owner("select anonymised_at from website_visits where id = $1", [id])).toEqual(marked);
  // One that is not anonymised can be corrected.
  const fresh = await visit(1);
  await owner("update website_visits set language = 'en' where id = $1", [fresh]);
  expect(await contentOf(fresh)).toEqual({ ...kept, language: "en" });
});

it("what comes late is anonymised as it comes, and what comes in time is not", async () => {
  expect(await contentOf(await visit(14, "0", true))).toEqual(left);
  expect(await contentOf(await visit(14, "-1 microsecond", true))).toEqual(kept);
});

it("what is held keeps what it says until the release", async () => {
  const [id, old] = [await visit(14), await visit(26)];
  await owner(
    "insert into legal_holds (id, retention_class, reason, placed_by, placed_at, review_at) values (gen_random_uuid(), 'website-visits', 'a case', gen_random_uuid(), ebb.clock(), ebb.clock())",
  );
  const held = await runPurge(database, noon);
  expect(reportOf(held, "website_visits")).toMatchObject({ deleted: 0, anonymised: 0, overdueAfterMs: 0, errors: [] });
  expect([await contentOf(id), await contentOf(old)]).toEqual([kept, kept]);
  await owner("update legal_holds set closed_at = ebb.clock()");
  expect(reportOf(await runPurge(database, noon), "website_visits")).toMatchObject({ deleted: 1, anonymised: 1 });
  expect([await contentOf(id), await contentOf(old)]).toEqual([left, undefined]);
});

it("the purge reads nothing of what they say, and sets nothing but the mark, where its time has come", async () => {
  const [fresh, due] = [await visit(1), await visit(14)];
  for (const column of ["visitor_id", "path", "referrer", "language", "browser"]) {
    expect(await refusal(purge(`select ${column} from website_visits`)), column).toBe("42501");
    expect(await refusal(purge(`update website_visits set ${column} = 'x'`)), column).toBe("42501");
  }
  for (const column of ["recorded_at", "expires_at", "id"])
    expect(await refusal(purge(`update website_visits set ${column} = ${column}`)), column).toBe("42501");
  expect(await purge("select id from website_visits")).toEqual([{ id: due }]);
  expect(await refusal(purge("update website_visits set anonymised_at = null"))).toBe("42501");
  await purge("update website_visits set anonymised_at = ebb.clock() where id = $1", [fresh]);
  await purge("update website_visits set anonymised_at = ebb.clock() where id = $1", [due]);
  expect([await contentOf(fresh), await contentOf(due)]).toEqual([kept, left]);
});

it("one batch takes no more than its size, and none is anonymised twice", async () => {
  for (let n = 0; n < 5; n++) await visit(15);
  const run = crypto.randomUUID();
  const table = "public.website_visits";
  expect(await purge("select which from ebb.begin_purge($1, $2)", [run, table])).toEqual([{ which: "anonymise" }]);
  const done: unknown[] = [];
  for (let after: unknown = null; ; ) {
    const text = "select done, last_key::text as last from ebb.purge_batch($1, $2, 'anonymise', null, $3, 2)";
    const [batch] = await purge(text, [run, table, after]);
    if (batch === undefined) break;
    done.push(batch["done"]);
    after = batch["last"];
  }
  expect(done).toEqual([2, 2, 1]);
  expect(await purge("select anonymised::int, deleted::int from ebb.progress_of($1, $2)", [run, table])).toEqual([
    { anonymised: 5, deleted: 0 },
  ]);
});
