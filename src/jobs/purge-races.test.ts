import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { stopAtNoon } from "../testing/aged-rows.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { reportOf, runPurge, troubles, untilSomebodyWaits } from "../testing/purging.ts";
import { type RowMaker, rowMaker } from "../testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";

/** What others do beside a run: nothing is lost by it, kept by it, or counted twice. */

let database: ScratchDatabase;
let make: RowMaker;
let tenant: string;
let noon: number;
beforeEach(async () => {
  database = await scratchDatabase();
  tenant = uuidFromId("tenant", (await database.tenant()).id);
  make = await rowMaker(database, tenant);
  noon = await stopAtNoon(database);
});
afterEach(() => checkInvariants(database).finally(() => database.drop()), 30_000);

const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const daysAgo = (days: number) => new Date(noon - days * 86_400_000).toISOString();
const begun = async (table: string) => {
  const run = crypto.randomUUID();
  await database.as("purge").query("select ebb.begin_purge($1, $2)", [run, table]);
  return run;
};

describe("a person", () => {
  const person = crypto.randomUUID();
  const addPerson = () => make.add("people", null, { id: person });
  const addMembership = async (removedDaysAgo: number | null, of = tenant) => {
    const id = crypto.randomUUID();
    const removed = removedDaysAgo === null ? null : daysAgo(removedDaysAgo);
    await (await rowMaker(database, of)).add("memberships", removed, { id, person_id: person });
    return id;
  };
  const state = async () =>
    (
      await owner("select removed_at is null as stays, expires_at > ebb.clock() as seen from people where id = $1", [
        person,
      ])
    )[0];

  it("whose two last memberships are forgotten by two runs at once is forgotten too", async () => {
    await addPerson();
    const other = uuidFromId("tenant", (await database.tenant()).id);
    const ids = [await addMembership(91), await addMembership(92, other)];
    const forget = "delete from memberships where id = $1";
    await database.session("owner", async (one) => {
      await one.query("begin");
      await one.query(forget, [ids[0]]);
      const second = owner(forget, [ids[1]]);
      await untilSomebodyWaits(database, "transactionid");
      await one.query("commit");
      await second;
    });
    expect(await state()).toEqual({ stays: false, seen: false });
  });

  it("who joins while the last membership is being forgotten stays", async () => {
    await addPerson();
    const last = await addMembership(91);
    await database.session("owner", async (one) => {
      await one.query("begin");
      await one.query("delete from memberships where id = $1", [last]);
      const joining = addMembership(null);
      await untilSomebodyWaits(database, "transactionid");
      await one.query("commit");
      await joining;
    });
    expect(await state()).toEqual({ stays: true, seen: true });
    expect(troubles(await runPurge(database, noon))).toEqual([]);
    expect(await state()).toEqual({ stays: true, seen: true });
  });

  it("held within a tenant is held where a row names no tenant: the person's own, and sessions", async () => {
    await make.add("people", daysAgo(91), { id: person });
    await make.add("sessions", daysAgo(91), { person_id: person });
    await make.add("sessions", daysAgo(91));
    await make.add("legal_holds", null, { tenant_id: tenant, subject_id: person });
    await runPurge(database, noon);
    const left = () =>
      owner("select (select count(*) from people)::int as people, (select count(*) from sessions)::int as sessions");
    expect(await left()).toEqual([{ people: 1, sessions: 1 }]);
    await owner("update legal_holds set closed_at = ebb.clock()");
    await runPurge(database, noon);
    expect(await left()).toEqual([{ people: 0, sessions: 0 }]);
  });
});

describe("a batch", () => {
  it("on a snapshot that is older than a hold does not run at all", async () => {
    await make.add("dead_letters", daysAgo(8));
    const run = await begun("public.dead_letters");
    const batch = "select done from ebb.purge_batch($1, 'public.dead_letters', 'expired', null, null, 10)";
    for (const level of ["repeatable read", "serializable"]) {
      await database.session("purge", async (client) => {
        await client.query(`begin isolation level ${level}`);
        await client.query("select ebb.clock()");
        await make.add("legal_holds", null, { tenant_id: tenant });
        expect(await refusal(client.query(batch, [run])), level).toBe("EB500");
      });
    }
    expect(await owner("select from dead_letters")).toHaveLength(1);
    await owner("update legal_holds set closed_at = ebb.clock()");
    expect(await database.as("purge").query(batch, [run])).toEqual([{ done: 1 }]);
  });

  it("beside a drop of its partition: each row is counted by one of them", async () => {
    await make.add("pings", daysAgo(31.5), {}, 5);
    const [rows, drops] = [await begun("public.pings"), await begun("public.pings")];
    const drop = () =>
      database.as("purge").query("select rows::int from ebb.drop_expired_partition($1, 'public.pings')", [drops]);
    await database.session("purge", async (client) => {
      await client.query("begin");
      const batch = "select done from ebb.purge_batch($1, 'public.pings', 'expired', null, null, 10)";
      expect((await client.query(batch, [rows])).rows).toEqual([{ done: 5 }]);
      // It does not count what somebody is about to delete.
      expect(await refusal(drop())).toBe("55P03");
      await client.query("commit");
    });
    while ((await drop()).length > 0);
    const counted = await owner("select sum(deleted)::int as deleted from purge_progress where run_id = any ($1)", [
      [rows, drops],
    ]);
    expect(counted).toEqual([{ deleted: 5 }]);
  });
});

describe("rows that must stay", () => {
  it("at the front keep none back behind them, and are counted once a run", async () => {
    const blocked = Array.from({ length: 150 }, () => crypto.randomUUID());
    for (const id of blocked) await make.add("instances", daysAgo(200), { id });
    await owner(
      `insert into credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
       select gen_random_uuid(), $1, 'client-secret', '', i, sha256(uuid_send(i)), '{}', ebb.clock() from unnest($2::uuid[]) i`,
      [tenant, `{${blocked.join(",")}}`],
    );
    await make.add("instances", daysAgo(91), {}, 30);
    const report = await runPurge(database, noon);
    expect(reportOf(report, "instances")).toMatchObject({ deleted: 30, blocked: 150, finished: true, errors: [] });
  });

  it("of many closed accounts take no statements from the others", async () => {
    const closed: string[] = [];
    for (let i = 0; i < 30; i++) closed.push(uuidFromId("tenant", (await database.tenant()).id));
    await owner("update tenants set closed_at = $1 where id = any ($2)", [daysAgo(31), `{${closed.join(",")}}`]);
    for (const table of ["outbox", "credentials", "registration_keys", "subscriptions", "workspaces"])
      await owner(`delete from ${table} where tenant_id = any ($1)`, [`{${closed.join(",")}}`]);
    await make.add("people", daysAgo(91));
    const report = await runPurge(database, noon);
    expect(troubles(report)).toEqual([]);
    expect(reportOf(report, "people").deleted).toBe(1);
    expect(reportOf(report, "tenants").deleted).toBe(30);
  });
});
