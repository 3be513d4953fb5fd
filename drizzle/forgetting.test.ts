import { expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import { silentLogger } from "../src/core/log.ts";
import { purge } from "../src/jobs/purge.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import { enteredTransaction } from "../src/testing/app-session.ts";
import { endOf, instant, type Micros, months, sqlInstant } from "../src/testing/forgetting/calendar.ts";
import { Judge, type Sessions } from "../src/testing/forgetting/judge.ts";
import { KEPT } from "../src/testing/forgetting/kept.ts";
import { readableColumns } from "../src/testing/forgetting/questions.ts";
import { makeScene, type Scene } from "../src/testing/forgetting/scene.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { type ScratchDatabase, scratchForTest } from "../src/testing/scratch-database.ts";

/**
 * No early delete and no late read: random rows of every table, the clock stopped at random instants around their ends,
 * and every role asked what it can read of them and delete. Two oracles say what is right: plain code that shares nothing
 * with `src/privacy`, and Postgres's own arithmetic in another formulation.
 */

const TRIPLES = 100_000;
const SEED = Number(process.env["EBB_SEED"] ?? 20_261_121);
const POSITIONS = 10;

const firstOf = (year: number, month: number): Micros => instant({ year, month: month - 1, day: 1, ofDay: 0n });
/** The starts of months around which the clock is stopped. */
const CENTRES = [
  ["a leap February", firstOf(2024, 3)],
  ["the leap February of a century", firstOf(2000, 3)],
  ["a February of a century that is none", firstOf(2100, 3)],
  ["a short month", firstOf(2033, 7)],
  ["the year's end", firstOf(1978, 1)],
] as const;

/** A database with no partitions but those that its rows need: what is asked of it a thousand times is not planned for hundreds. */
async function emptyDatabase(): Promise<ScratchDatabase> {
  const database = await scratchForTest();
  await database.as("superuser").query(`do $$ declare old regclass; begin
    for old in select oid from pg_class where relispartition and relkind = 'r' loop execute format('drop table %s', old);
    end loop; end $$`);
  return database;
}

async function withSessions<T>(database: ScratchDatabase, fn: (sessions: Sessions) => Promise<T>): Promise<T> {
  return await database.session("app", (app) =>
    database.session("ingest", (ingest) =>
      database.session("purge", (purging) =>
        database.session("owner", (owner) => fn({ app, ingest, purge: purging, owner })),
      ),
    ),
  );
}

const said = `EBB_SEED=${SEED}`;
const sceneAround = (database: ScratchDatabase, centre: Micros) =>
  makeScene(database, SEED + Number(centre % 1_000_003n), centre, POSITIONS);
const often = expect.toSatisfy((count: number) => count >= 25);
const each = expect.toSatisfy((counts: number[]) => Math.min(...counts) >= 1);

it.each(CENTRES)(
  "around %s every role reads and deletes exactly what it should",
  async (_, centre) => {
    const database = await emptyDatabase();
    const scene = await sceneAround(database, centre);
    const tally = await withSessions(database, async (sessions) => {
      const judge = new Judge(scene, sessions, await readableColumns(database));
      for (const [i, now] of scene.positions.entries()) {
        await database.stopClock(sqlInstant(now));
        expect((await judge.at(now)).slice(0, 20), said).toEqual([]);
        if (i % 3 === 1) expect((await judge.inBatches(now)).slice(0, 20), said).toEqual([]);
      }
      return judge.tally;
    });
    const judged = [...tally.values()].reduce((sum, { due, kept }) => sum + due + kept, 0);
    expect(judged).toBeGreaterThanOrEqual(TRIPLES / CENTRES.length);
    // Of every table both came often, and the very microsecond of an end, the one before it and the one after.
    for (const [table, counts] of tally)
      expect([table, counts], said).toEqual([table, { due: often, kept: often, edges: each }]);
  },
  60_000,
);

it.each(CENTRES.slice(0, 2))(
  "around %s the purge leaves exactly what is left, and nobody in what it anonymised",
  async (_, centre) => {
    const database = await emptyDatabase();
    const scene = await sceneAround(database, centre);
    await letGoOfMembers(database, scene);
    const rows = scene.rows.filter(({ referred }) => referred !== true);
    await withSessions(database, async (sessions) => {
      const judge = new Judge({ ...scene, rows }, sessions, await readableColumns(database));
      for (const now of [1, 4, 8].map((i) => scene.positions[i] as Micros)) {
        await database.stopClock(sqlInstant(now));
        await makeRoomForReceipts(database, now);
        const clock = { now: () => Number(now / 1_000n) };
        const more = { logger: silentLogger, random: () => 0.5, pause: async () => {} };
        const { tables } = await purge({ purge: database.as("purge"), clock, ...more });
        const failed = tables.filter(({ errors, finished, receipt }) => errors.length > 0 || !finished || !receipt);
        expect(failed, said).toEqual([]);
        expect((await judge.afterPurge(now)).slice(0, 20), said).toEqual([]);
      }
    });
  },
  60_000,
);

/** Whom a membership refers to cannot be deleted: they and it go before. */
async function letGoOfMembers(database: ScratchDatabase, { rows }: Scene): Promise<void> {
  const people = `{${rows.flatMap(({ referred, table, key }) => (referred && table === "people" ? [key] : [])).join(",")}}`;
  await database.as("owner").query("delete from memberships where person_id = any ($1)", [people]);
  await database.as("owner").query("delete from people where id = any ($1)", [people]);
}

async function makeRoomForReceipts(database: ScratchDatabase, now: Micros): Promise<void> {
  const at = sqlInstant(endOf(now, months(84)));
  await database.as("jobs").query("select ebb.create_partitions('public.purge_receipts', 'quarter', $1, $1)", [at]);
}

it("the roles that need no content are granted none", async () => {
  const database = await scratchForTest();
  const readable = await readableColumns(database);
  const of = (role: "ingest" | "jobs" | "purge") => Object.fromEntries(readable[role]);
  expect(of("jobs")).toEqual({});
  expect(of("ingest")).toEqual({ instances: ["id", "tenant_id", "removed_at", "expires_at"] });
  const keys = await database.as("owner").query(`
    select c.relname as table, array_agg(a.attname::text) as columns
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
     where i.indisprimary and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     group by 1`);
  const beyond = keys.flatMap((row) => {
    const allowed = new Set([...(row["columns"] as string[]), "tenant_id", "expires_at"]);
    return (of("purge")[row["table"] as string] ?? [])
      .filter((column) => !allowed.has(column))
      .map((column) => `${row["table"]}.${column}`);
  });
  expect(beyond.sort()).toEqual([
    "tool_executions.recorded_at",
    "website_visits.anonymised_at",
    "website_visits.recorded_at",
  ]);
  expect(keys).toHaveLength(KEPT.length);
});

it("the schedule by hand has every table, and every moment from which one is kept", () => {
  const byHand = KEPT.map(({ table, ends }) => [table, ends.map(({ column }) => column).sort()] as const);
  const declared = declaredTables().map(({ table, anchor, alsoEnds }) => {
    const columns = anchor.at === "bucket" ? [anchor.column] : anchor.columns;
    return [table, [...columns, ...(alsoEnds === undefined ? [] : [alsoEnds.column])].sort()] as const;
  });
  expect(Object.fromEntries(byHand)).toEqual(Object.fromEntries(declared));
});

it("no function hands out what has ended, before the purge has come", async () => {
  const database = await scratchForTest();
  const owner = database.as("owner");
  const [tenant, gone] = [await database.tenant(), await database.tenant()];
  const [id, goneId] = [tenant, gone].map((one) => uuidFromId("tenant", one.id)) as [string, string];
  const make = await rowMaker(database, id);
  await database.stopClock("2026-05-01T00:00:00Z");
  await make.add("limit_overrides", null, { policy: "p", at_most: 7 });
  await make.add("limit_allotments", null, { policy: "q", at_most: 8, client_id: id });
  await owner.query("update limit_allotments set tenant_id = $1 where client_id = $2", [goneId, id]);
  await owner.query("update tenants set kind = 'client', parent_id = $1, path = array[$1::uuid, id] where id = $2", [
    goneId,
    id,
  ]);
  await make.add("gate_heartbeats", "2026-05-01T00:00:00Z", { gate_id: "silent", pending: 1 });
  const asked = async () => {
    const family = await enteredTransaction(database, gone.apiKey, null, (query) =>
      query("select overrides, allotments from ebb.limit_family($1) where tenant_id = $2", [goneId, id]),
    ).catch((error: { code?: unknown }) => error.code);
    const jobs = async (text: string) => (await database.as("jobs").query(text)).map((row) => Object.values(row)[0]);
    return {
      family,
      silent: (await jobs("select ebb.silent_gates('10 minutes', 9)")).includes("silent"),
      waiting: (await jobs("select ebb.outbox_gates('{}', 9)")).includes(gone.gateId),
      messages: (await jobs(`select ebb.outbox_pending('${gone.gateId}', 0, 9)`)).length > 0,
    };
  };
  await database.stopClock("2026-05-07T23:59:59.999999Z");
  await owner.query("update subscriptions set ended_at = '2026-05-01' where tenant_id = any ($1)", [
    `{${id},${goneId}}`,
  ]);
  const overrides = [{ overrides: { p: 7 }, allotments: { q: 8 } }];
  expect(await asked()).toEqual({ family: overrides, silent: true, waiting: true, messages: true });
  await database.stopClock("2026-05-08T00:00:00Z");
  expect(await asked()).toEqual({ family: overrides, silent: false, waiting: true, messages: true });
  // Another subscription has kept the credentials, and not what was agreed under the first.
  await owner.query("update credentials set subscription_ended_at = null where tenant_id = $1", [goneId]);
  await database.stopClock("2026-07-30T00:00:00Z");
  expect(await asked()).toEqual({
    family: [{ overrides: {}, allotments: {} }],
    silent: false,
    waiting: true,
    messages: true,
  });
  await owner.query("update tenants set closed_at = '2026-06-30' where id = $1", [goneId]);
  expect(await asked()).toEqual({ family: "EB404", silent: false, waiting: false, messages: false });
});
