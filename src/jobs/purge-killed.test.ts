import { afterEach, beforeEach, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { silentLogger } from "../core/log.ts";
import type { Sql } from "../db/connect.ts";
import type { Fault } from "../local/neon-fault.ts";
import { addAgedRows, rowsOf, stopAtNoon } from "../testing/aged-rows.ts";
import { withFault } from "../testing/faults.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { type RowMaker, rowMaker } from "../testing/rows.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import { purge } from "./purge.ts";

/**
 * A run that dies at any of its statements, before it, in it or just after its commit, loses nothing: the next goes on,
 * and what the two of them did is told once.
 */

let database: ScratchDatabase;
let make: RowMaker;
let noon: number;
beforeEach(async () => {
  database = await scratchDatabase();
  make = await rowMaker(database, uuidFromId("tenant", (await database.tenant()).id));
  noon = await stopAtNoon(database);
});
afterEach(() => checkInvariants(database).finally(() => database.drop()));

const run = (sql: Sql) =>
  purge({ purge: sql, clock: { now: () => noon }, logger: silentLogger, random: () => 0.5, pause: async () => {} });

/** A connection whose statement number `at` meets the fault, and which is dead from then on. */
function dyingAt(at: number, kind: Fault["kind"]): Sql {
  const sql = database.as("purge");
  let count = 0;
  return {
    query: async (text, params) => {
      count += 1;
      if (count > at) throw new Error("the run is dead");
      if (count < at) return await sql.query(text, params);
      return await withFault({ kind, times: 1 }, () => sql.query(text, params));
    },
  };
}

it("whichever statement it dies at", async () => {
  await addAgedRows(database, make);
  const kept = await rowsOf(database, false);
  await run(database.as("purge"));
  expect(await rowsOf(database)).toEqual(kept);
  const expire = async () => {
    await stopAtNoon(database);
    await database.as("owner").query("delete from purge_receipts where receipt like '{%'");
    await database.as("owner").query("delete from purge_progress where table_name like 'public.%'");
    await make.add("credentials", anchored(91));
    await make.add("dead_letters", anchored(8), {}, 3);
    await make.add("pings", new Date(Math.floor(noon / 86_400_000 - 31) * 86_400_000).toISOString());
  };
  const all = [
    { table: "public.credentials", rows: 1 },
    { table: "public.dead_letters", rows: 3 },
    { table: "public.pings", rows: 1 },
  ];
  await expire();
  const statements: string[] = [];
  const sql = database.as("purge");
  await run({
    query: async (text, params) => {
      statements.push(`${text} ${params?.join(" ")}`);
      return await sql.query(text, params);
    },
  });
  const died: string[] = [];
  for (const [i, text] of statements.entries()) {
    const writes = /begin_purge|purge_batch|drop_expired_partition|record_receipt/.test(text);
    // Every statement about the tables in which something is due; of those that only look at the others, one in sixty.
    if (!/ public\.(credentials|dead_letters|pings)\b/.test(text) && i % 60 !== 0) continue;
    // A statement that only reads leaves nothing half done: one way of dying will do. One that fails in the middle is
    // rolled back as one that never came: tried where most is written.
    const ways = !writes
      ? (["refuse"] as const)
      : text.includes("purge_batch")
        ? (["refuse", "error-mid", "drop-after-commit"] as const)
        : (["refuse", "drop-after-commit"] as const);
    for (const kind of ways) {
      await expire();
      await run(dyingAt(i + 1, kind)).catch(() => died.push(kind));
      await run(database.as("purge"));
      expect(await rowsOf(database), `${kind} at ${text}`).toEqual(kept);
      expect(await told(), `${kind} at ${text}`).toEqual(all);
    }
  }
  // At the very first statement nothing at all has come about, which is an error; later there is a report.
  expect(died.length).toBeGreaterThan(0);
  expect(statements.filter((text) => /purge_batch|drop_expired_partition/.test(text)).length).toBeGreaterThan(3);
}, 240_000);

/** Rows that were deleted, by table, as receipts tell of them, or where there is none yet the progress of a run. */
const told = async () =>
  await database.as("owner").query(
    `select table_name as table, sum(deleted)::int as rows from (
       select table_name, (receipt::jsonb ->> 'deleted')::int as deleted from purge_receipts where receipt like '{%'
       union all select table_name, deleted from purge_progress where table_name like 'public.%') as told
      where deleted > 0 group by 1 order by 1`,
  );

const anchored = (days: number) => new Date(noon - days * 86_400_000).toISOString();

it("a statement whose answer is lost was not lost: the row is gone, counted, and the error told", async () => {
  await make.add("dead_letters", anchored(8));
  const sql = database.as("purge");
  let lost = false;
  const report = await run({
    query: (text, params) => {
      if (lost || !text.includes("ebb.purge_batch") || params?.[1] !== "public.dead_letters")
        return sql.query(text, params);
      lost = true;
      return withFault({ kind: "drop-after-commit", times: 1 }, () => sql.query(text, params));
    },
  });
  expect(report.tables.find(({ table }) => table === "dead_letters")).toMatchObject({
    deleted: 1,
    finished: true,
    errors: [expect.any(String)],
    receipt: true,
  });
  expect(await told()).toEqual([{ table: "public.dead_letters", rows: 1 }]);
  expect(await database.as("owner").query("select from dead_letters")).toEqual([]);
});
