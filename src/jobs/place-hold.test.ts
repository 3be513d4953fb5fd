import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { stopAtNoon } from "../testing/aged-rows.ts";
import { appTransaction } from "../testing/app-session.ts";
import { actAs, untilSomebodyWaits } from "../testing/purging.ts";
import { rowMaker } from "../testing/rows.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";

/** The platform owner places and releases holds, and neither a batch nor a drop comes between. */

let database: ScratchDatabase;
let noon: number;
let platform: TestTenant;
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);

const placing = "select ebb.place_hold($1, $2, $3, $4, $5, $6)";
let account: TestTenant;
let tenant: string;
beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  noon = await stopAtNoon(database);
});
afterAll(() => database.drop());
beforeEach(async () => {
  account = await database.tenant({ parent: platform });
  tenant = uuidFromId("tenant", account.id);
});

const params = (id: string = crypto.randomUUID()) => [id, tenant, null, null, "a case", new Date(noon).toISOString()];
const letters = async () => (await owner("select from dead_letters where tenant_id = $1", [tenant])).length;
const addLetters = async (count: number) =>
  (await rowMaker(database, tenant)).add("dead_letters", new Date(noon - 8 * 86_400_000).toISOString(), {}, count);
const begun = async (table: string) => {
  const run = crypto.randomUUID();
  await database.as("purge").query("select ebb.begin_purge($1, $2)", [run, table]);
  return run;
};
const BATCH = "select done, blocked, last_key from ebb.purge_batch($1, 'public.dead_letters', 'expired', null, $2, $3)";

it("the platform owner alone places, lists and releases holds, for a tenant or for nobody's in particular, and is their author", async () => {
  const key = await owner("select id from credentials where tenant_id = $1", [uuidFromId("tenant", platform.id)]);
  const id = crypto.randomUUID();
  await actAs(database, platform, null, (query) => query(placing, params(id)));
  const listed = () => actAs(database, platform, tenant, (query) => query("select * from ebb.list_holds(null, 100)"));
  const mine = async () => (await listed()).filter((hold) => hold["id"] === id);
  expect(await mine()).toMatchObject([
    { tenant_id: tenant, reason: "a case", placed_by: key[0]?.["id"], placed_at: new Date(noon), closed_at: null },
  ]);
  for (const [secret, target] of [
    [account, null],
    [await database.tenant({ kind: "reseller" }), null],
  ] as const) {
    for (const [text, values] of [
      [placing, params()],
      ["select ebb.release_hold($1, 'over')", [id]],
      ["select * from ebb.list_holds(null, 10)", []],
    ] as const) {
      const asked = actAs(database, secret, target, (query) => query(text, [...values]));
      expect(await refusal(asked), text).toBe("EB405");
      const alone = appTransaction(database, (query) => query(text, [...values]));
      expect(await refusal(alone), text).toBe("EB405");
      for (const role of ["ingest", "purge", "jobs"] as const)
        expect(await refusal(database.as(role).query(text, [...values])), `${role}: ${text}`).toBe("42501");
    }
  }
  const releaseIt = () =>
    actAs(database, platform, null, (query) => query("select ebb.release_hold($1, 'over')", [id]));
  await releaseIt();
  expect(await mine()).toMatchObject([{ closed_at: new Date(noon), outcome: "over" }]);
  expect(await refusal(releaseIt())).toBe("EB404");
});

it("none is placed on a class that does not exist or whose tables ignore holds: nothing would be kept", async () => {
  for (const [name, state] of [
    ["alive-pings", null],
    [null, null],
    ["alive-ping", "22023"],
    ["idempotency-records", "22023"],
    ["", "22023"],
  ] as const) {
    const asked = actAs(database, platform, null, (query) =>
      query(placing, [crypto.randomUUID(), tenant, null, name, "a case", new Date(noon).toISOString()]),
    );
    expect([name, await refusal(asked)]).toEqual([name, state]);
  }
});

it("one that is placed while a batch runs waits, what the batch took is gone, and the next batch leaves the rest", async () => {
  await addLetters(5);
  const run = await begun("public.dead_letters");
  const [last] = await database.session("purge", async (client) => {
    await client.query("begin");
    const { rows } = await client.query(BATCH, [run, null, 2]);
    const placed = actAs(database, platform, null, (query) => query(placing, params()));
    await untilSomebodyWaits(database, "advisory");
    expect(await letters()).toBe(5);
    await client.query("commit");
    await placed;
    return rows;
  });
  expect(last).toMatchObject({ done: 2, blocked: 0 });
  expect(await letters()).toBe(3);
  expect(await database.as("purge").query(BATCH, [run, last.last_key, 10])).toEqual([]);
  expect(await letters()).toBe(3);
});

it("until one is there batches and drops give up; then the rows stay", async () => {
  await addLetters(3);
  const make = await rowMaker(database, tenant);
  await make.add("pings", new Date(Math.floor(noon / 86_400_000 - 31) * 86_400_000).toISOString());
  const runs = [await begun("public.dead_letters"), await begun("public.pings")] as const;
  const drop = "select partition, rows::int from ebb.drop_expired_partition($1, 'public.pings')";
  const pings = () => owner("select from pings where tenant_id = $1", [tenant]);
  await database.session("app", async (client) => {
    await client.query("begin");
    await client.query("select ebb.enter($1)", [await hashOf(platform.apiKey)]);
    await client.query(placing, params());
    expect(await refusal(database.as("purge").query(BATCH, [runs[0], null, 10]))).toBe("55P03");
    expect(await refusal(database.as("purge").query(drop, [runs[1]]))).toBe("55P03");
    await client.query("commit");
  });
  expect(await database.as("purge").query(BATCH, [runs[0], null, 10])).toEqual([]);
  while ((await database.as("purge").query(drop, [runs[1]])).length > 0);
  expect([await letters(), (await pings()).length]).toEqual([3, 1]);
});

it("one whose transaction is undone holds nothing", async () => {
  await addLetters(2);
  await database.session("app", async (client) => {
    await client.query("begin");
    await client.query("select ebb.enter($1)", [await hashOf(platform.apiKey)]);
    await client.query(placing, params());
    await client.query("rollback");
  });
  const run = await begun("public.dead_letters");
  await database.as("purge").query(BATCH, [run, null, 1_000]);
  expect(await letters()).toBe(0);
});
