import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { idFromUuid, uuidFromId } from "../core/id.ts";
import type { NewTenant } from "../local/bootstrap.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { SCHEDULE } from "../privacy/schedule.ts";
import { postgresIngest } from "../telemetry/postgres-ingest.ts";
import { stopAtNoon } from "../testing/aged-rows.ts";
import { enteredTransaction } from "../testing/app-session.ts";
import { checkInvariants } from "../testing/invariants.ts";
import { actAs, reportOf, runPurge, troubles } from "../testing/purging.ts";
import { rowMaker } from "../testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";

/** A closed account: for 30 days nothing of it is lost, then everything is but what the law keeps. */

const DAY = 86_400_000;
let database: ScratchDatabase;
let noon: number;
let platform: TestTenant;
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);
const uuid = ({ id }: Pick<TestTenant, "id">) => uuidFromId("tenant", id);
const child = (kind: NewTenant["kind"], parent: TestTenant) => database.tenant({ kind, parent });

beforeAll(async () => {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  noon = await stopAtNoon(database);
});
afterAll(() => checkInvariants(database).finally(() => database.drop()), 30_000);
beforeEach(() => database.stopClock(noon));

const closing = (who: TestTenant, target: TestTenant | null, close: boolean) =>
  actAs(database, who, target === null ? null : uuid(target), async (query) => {
    const [row] = await query("select ebb.close_tenant($1) as changed", [close]);
    return row?.["changed"];
  });
const stateOf = async (...tenants: TestTenant[]) => {
  const rows = await owner(
    "select t.status, t.closed_at is not null as closed, t.closed_at is not null and t.expires_at = ebb.expiry(t.closed_at, interval '30 days') as ends from unnest($1::uuid[]) with ordinality as w (id, n) join tenants t using (id) order by n",
    [tenants.map(uuid)],
  );
  return rows.map(({ status, closed, ends }) => `${status}${closed ? " closed" : ""}${ends ? " ends" : ""}`);
};
const entered = (who: TestTenant, target: TestTenant | null = null) =>
  refusal(enteredTransaction(database, who.apiKey, target === null ? null : uuid(target), async () => {}));
/** So long after the closing at noon, to the microsecond. */
const at = (ms: number, microseconds = 0) =>
  database.stopClock(
    new Date(noon + ms).toISOString().replace(/\.\d{3}Z/, `.${String(microseconds).padStart(6, "0")}Z`),
  );

describe("closing", () => {
  it("is done in one's own name or from above, takes the clients along, and nobody beside or below may", async () => {
    const reseller = await child("reseller", platform);
    const clients = [await child("client", reseller), await child("client", reseller)] as const;
    const beside = await child("direct", platform);
    for (const target of [reseller, platform, clients[1]])
      expect(await refusal(closing(clients[0], target, true))).toBe("EB404");
    expect(await refusal(closing(beside, reseller, true))).toBe("EB404");
    expect(await refusal(database.as("app").query("select ebb.close_tenant(true)"))).toBe("EB405");
    // Of all of them, who owns the platform cannot be closed.
    expect(await refusal(closing(platform, null, true))).toBe("EB404");
    expect(await stateOf(platform, reseller, ...clients, beside)).toEqual(Array(5).fill("active"));

    expect(await closing(reseller, null, true)).toBe(3);
    expect(await stateOf(reseller, ...clients, beside)).toEqual([...Array(3).fill("closed closed ends"), "active"]);
    expect(await entered(reseller)).toBe("EB413");
    expect(await entered(clients[0])).toBe("EB413");
    expect([await entered(platform, reseller), await entered(platform, clients[0])]).toEqual([null, null]);
    expect(await entered(beside)).toBeNull();
    expect(await closing(platform, reseller, true)).toBe(0);
    // Its end does not move by being closed again.
    expect(await stateOf(reseller)).toEqual(["closed closed ends"]);
    expect(await closing(platform, reseller, false)).toBe(3);
    expect(await stateOf(reseller, ...clients)).toEqual(Array(3).fill("active"));
    expect(await entered(clients[0])).toBeNull();
    expect(await closing(platform, reseller, false)).toBe(0);
  });

  it("of a suspended one leaves it suspended when it is taken back", async () => {
    const reseller = await child("reseller", platform);
    const client = await child("client", reseller);
    await owner("update tenants set status = 'suspended' where id = $1", [uuid(client)]);
    await closing(platform, reseller, true);
    expect(await stateOf(reseller, client)).toEqual(["closed closed ends", "suspended closed ends"]);
    await closing(platform, reseller, false);
    expect(await stateOf(reseller, client)).toEqual(["active", "suspended"]);
  });

  it("taken back leaves closed who had been closed before, and their earlier end to them", async () => {
    const reseller = await child("reseller", platform);
    const [before, open] = [await child("client", reseller), await child("client", reseller)];
    await closing(reseller, before, true);
    await at(DAY);
    expect(await closing(reseller, null, true)).toBe(2);
    await at(2 * DAY);
    expect(await closing(platform, reseller, false)).toBe(2);
    expect(await stateOf(reseller, before, open)).toEqual(["active", "closed closed ends", "active"]);
    const [row] = await owner("select closed_at from tenants where id = $1", [uuid(before)]);
    expect(row?.["closed_at"]).toEqual(new Date(noon));
  });

  it("is not taken back of a client alone while its reseller is closed: nobody could enter it, and the reseller not go", async () => {
    const reseller = await child("reseller", platform);
    const client = await child("client", reseller);
    await closing(platform, reseller, true);
    expect(await refusal(closing(platform, client, false))).toBe("EB408");
    expect(await stateOf(reseller, client)).toEqual(Array(2).fill("closed closed ends"));
    expect(await closing(platform, reseller, false)).toBe(2);
  });

  it("can be taken back until 30 days are over, to the microsecond, and nothing is missing then", async () => {
    const [late, early] = [await child("direct", platform), await child("direct", platform)];
    const make = await rowMaker(database, uuid(early));
    for (const { table } of declaredTables())
      if (table !== "tenants") await make.add(table, new Date(noon).toISOString());
    for (const tenant of [late, early]) await closing(tenant, null, true);
    const rows = async () =>
      await owner(
        declaredTables()
          .filter(({ columns }) => Object.hasOwn(columns, "tenant_id"))
          .map(({ table }) => `select t::text as row from public.${table} t where tenant_id = $1`)
          .join(" union all "),
        [uuid(early)],
      );
    const before = await rows();
    const gone = async () => (await owner("select id from unnest(ebb.gone_tenants()) as id")).map(({ id }) => id);
    await at(30 * DAY - 1, 999_999);
    expect(await gone()).not.toContain(uuid(early));
    expect(await closing(platform, early, false)).toBe(1);
    expect(await entered(early)).toBeNull();
    expect(await rows()).toEqual(before);
    await at(30 * DAY);
    expect(await gone()).toContain(uuid(late));
    expect(await refusal(closing(platform, late, false))).toBe("EB404");
    expect(await entered(late)).toBe("EB404");
    expect(await entered(platform, late)).toBe("EB404");
    expect(await gone()).not.toContain(uuid(early));
  });
});

const OF_TENANTS = declaredTables().filter(({ columns }) => Object.hasOwn(columns, "tenant_id"));
const ALL = OF_TENANTS.map(({ table }) => table).sort();
const SURVIVING = OF_TENANTS.filter(({ retention }) => SCHEDULE[retention].survivesClosing)
  .map(({ table }) => table)
  .sort();

/** Its account was closed so long ago. */
const close = (tenant: TestTenant, age: string) =>
  owner("update tenants set status = 'closed', closed_at = ebb.clock() - $2::interval where id = $1", [
    uuid(tenant),
    age,
  ]);
const DUE = "30 days";

/** A tenant with a row of every table that lives for long yet by its own window. */
async function furnished(parent = platform, kind: NewTenant["kind"] = "direct"): Promise<TestTenant> {
  const tenant = await child(kind, parent);
  const make = await rowMaker(database, uuid(tenant));
  for (const { table } of OF_TENANTS) await make.add(table, new Date(noon - 1_000).toISOString());
  await owner("update legal_holds set closed_at = ebb.clock() where tenant_id = $1", [uuid(tenant)]);
  return tenant;
}
async function tablesOf(tenant: TestTenant): Promise<string[]> {
  const parts = OF_TENANTS.map(
    ({ table }) =>
      `select '${table}' as table where exists (select from public.${table} where tenant_id = $1 and expires_at > ebb.clock())`,
  );
  return (await owner(parts.join(" union all "), [uuid(tenant)])).map((row) => row["table"] as string).sort();
}
const isThere = async (table: string, id: string) =>
  (await owner(`select from public.${table} where id = $1`, [id])).length === 1;
const run = () => runPurge(database, noon);

it("what law and evidence need outlives an account, and nothing else does", () => {
  expect(SURVIVING).toEqual([
    "audit_entries",
    "authentication_events",
    "billing_records",
    "legal_holds",
    "rights_requests",
    "security_events",
  ]);
});

describe("30 days after it", () => {
  it("everything is gone in one run but what the law keeps, and nobody else's", async () => {
    const gone = await furnished();
    const reseller = await furnished(platform, "reseller");
    const client = await furnished(reseller, "client");
    const [almost, open] = [await furnished(), await furnished()];
    for (const tenant of [gone, reseller, client, almost, open]) expect(await tablesOf(tenant)).toEqual(ALL);
    for (const tenant of [gone, reseller, client]) await close(tenant, DUE);
    await close(almost, "30 days -1 microsecond");
    const report = await run();
    expect(troubles(report)).toEqual([]);
    for (const tenant of [gone, reseller, client]) {
      expect(await tablesOf(tenant)).toEqual(SURVIVING);
      expect(await isThere("tenants", uuid(tenant))).toBe(false);
    }
    for (const tenant of [almost, open]) {
      expect(await tablesOf(tenant)).toEqual(ALL);
      expect(await isThere("tenants", uuid(tenant))).toBe(true);
    }
    // One of each furnished, in a partition whose time has not come.
    expect(reportOf(report, "pings")).toMatchObject({ deleted: 3, overdueBeforeMs: 0 });
    expect(reportOf(report, "tool_executions").deleted).toBe(3);
  });

  it("goes whoever belonged only to it, with their sessions; whoever belongs to another too stays", async () => {
    const [gone, alsoGone, open] = [await furnished(), await furnished(), await child("direct", platform)];
    const make = await rowMaker(database, uuid(open));
    const add = async (...tenants: TestTenant[]) => {
      const [person, session] = [crypto.randomUUID(), crypto.randomUUID()];
      await make.add("people", null, { id: person });
      await make.add("sessions", new Date(noon - 1_000).toISOString(), { id: session, person_id: person });
      for (const tenant of tenants) await make.add("memberships", null, { tenant_id: uuid(tenant), person_id: person });
      return async () => [await isThere("people", person), await isThere("sessions", session)];
    };
    const only = await add(gone);
    const both = await add(gone, alsoGone);
    const elsewhere = await add(gone, open);
    const untouched = await add(open);
    for (const tenant of [gone, alsoGone]) await close(tenant, DUE);
    expect(troubles(await run())).toEqual([]);
    expect([await only(), await both(), await elsewhere(), await untouched()]).toEqual([
      [false, false],
      [false, false],
      [true, true],
      [true, true],
    ]);
  });

  it("whoever left it and signs in elsewhere before being forgotten stays, and so do their sessions", async () => {
    const [gone, open] = [await child("direct", platform), await child("direct", platform)];
    const make = await rowMaker(database, uuid(open));
    const [person, session] = [crypto.randomUUID(), crypto.randomUUID()];
    await make.add("people", null, { id: person });
    await make.add("sessions", new Date(noon - 1_000).toISOString(), { id: session, person_id: person });
    await make.add("memberships", null, { tenant_id: uuid(gone), person_id: person });
    await close(gone, DUE);
    await owner("delete from memberships where person_id = $1", [person]);
    const due = async () =>
      await owner("select expires_at <= ebb.clock() as due from sessions where id = $1", [session]);
    expect(await due()).toEqual([{ due: true }]);
    await make.add("memberships", null, { person_id: person });
    expect(await due()).toEqual([{ due: false }]);
    await run();
    expect([await isThere("people", person), await isThere("sessions", session)]).toEqual([true, true]);
  });

  it("what is held of it stays, nobody enters it for that, and goes after the release", async () => {
    const [held, other] = [await furnished(), await furnished()];
    for (const tenant of [held, other]) await close(tenant, DUE);
    const id = crypto.randomUUID();
    await owner(
      "insert into legal_holds (id, tenant_id, retention_class, reason, placed_by, placed_at, review_at) values ($1, $2, 'alive-pings', 'a case', $1, ebb.clock(), ebb.clock())",
      [id, uuid(held)],
    );
    const first = await run();
    expect(await tablesOf(held)).toEqual([...SURVIVING, "pings"].sort());
    expect(troubles(first)).toEqual([{ table: "tenants", errors: [], blocked: 1, finished: true }]);
    expect(reportOf(first, "pings")).toMatchObject({ deleted: 1, overdueAfterMs: 0 });
    expect(await isThere("tenants", uuid(held))).toBe(true);
    expect(await entered(platform, held)).toBe("EB404");
    expect(await isThere("tenants", uuid(other))).toBe(false);
    await owner("update legal_holds set closed_at = ebb.clock() where id = $1", [id]);
    expect(troubles(await run())).toEqual([]);
    expect(await tablesOf(held)).toEqual(SURVIVING);
    expect(await isThere("tenants", uuid(held))).toBe(false);
  });

  it("its own row stays while a table that fails has one left, and goes with a later run", async () => {
    const tenant = await furnished();
    await close(tenant, DUE);
    // Of all tables of tenants one without a reference to them.
    await database.as("superuser").query("revoke delete on public.tool_executions from ebb_purge");
    try {
      expect(troubles(await run())).toEqual([
        { table: "tool_executions", errors: ["42501", "42501", "42501"], blocked: 0, finished: false },
        { table: "tenants", errors: [], blocked: 1, finished: true },
      ]);
    } finally {
      await database.as("superuser").query("grant delete on public.tool_executions to ebb_purge");
    }
    expect(await tablesOf(tenant)).toEqual([...SURVIVING, "tool_executions"].sort());
    expect(await isThere("tenants", uuid(tenant))).toBe(true);
    expect(troubles(await run())).toEqual([]);
    expect(await isThere("tenants", uuid(tenant))).toBe(false);
  });

  it.each([false, true])("what its gate flushes late does not come back, its row purged: %s", async (purged) => {
    const [gone, open] = [await child("direct", platform), await child("direct", platform)];
    const instances = new Map<TestTenant, string>();
    for (const tenant of [gone, open]) {
      instances.set(tenant, crypto.randomUUID());
      await (await rowMaker(database, uuid(tenant))).add("instances", null, { id: instances.get(tenant) });
    }
    await close(gone, DUE);
    if (purged) expect(troubles(await run())).toEqual([]);
    expect(await isThere("tenants", uuid(gone))).toBe(!purged);
    const ingest = postgresIngest(database.as("ingest"), { now: () => noon });
    const bucket = noon - 43_200_000;
    const flush = async (tenant: TestTenant) => {
      const { id: tenantId, gateId } = tenant;
      const instanceId = idFromUuid("instance", instances.get(tenant) as string);
      const os = { personId: null, osKind: null, osName: null, osVersion: null };
      const ping = { instanceId, kind: "alive", bucket, expiresAt: bucket + 30 * DAY, ...os };
      const counts = await ingest.flush({ tenantId, gateId, rows: [ping], pending: 0, dead: 0 });
      await ingest.bury({ tenantId, gateId, reason: "22P02", body: "{}" });
      return { recorded: counts.recorded, gone: counts.gone, tables: await tablesOf(tenant) };
    };
    const left = purged
      ? []
      : ["credentials", "instances", "outbox", "registration_keys", "subscriptions", "workspaces"];
    expect(await flush(gone)).toEqual({ recorded: 0, gone: 1, tables: left });
    const own = ["credentials", "instances", "outbox", "registration_keys", "subscriptions", "workspaces"];
    const tables = [...own, "dead_letters", "gate_heartbeats", "pings"].sort();
    expect(await flush(open)).toEqual({ recorded: 1, gone: 0, tables });
  });
});
