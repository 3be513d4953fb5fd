import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { enteredTransaction, type Query } from "../testing/app-session.ts";
import { type RowMaker, rowMaker } from "../testing/rows.ts";
import { type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";
import { declaredTables } from "./inventory.ts";
import { intervalSql, SCHEDULE } from "./schedule.ts";

/** What is kept until the subscription ends: it gets that instant when the last one ends, and loses it when one runs again. */

const STAMPED = declaredTables().filter(
  ({ table, columns }) => table !== "tenants" && "subscription_ended_at" in columns,
);
const END = "2031-08-31T10:00:00+00:00";

let database: ScratchDatabase;
let account: TestTenant;
let tenant: string;
beforeAll(async () => {
  database = await scratchDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  account = await database.tenant();
  tenant = uuidFromId("tenant", account.id);
  const make = await rowMaker(database, tenant);
  await addAll(make);
});

/** A row of each. A voucher has an end of its own besides, which does not come here. */
async function addAll(make: RowMaker): Promise<void> {
  const values: Record<string, Record<string, unknown>> = { vouchers: { valid_until: "infinity" } };
  for (const { table } of STAMPED) await make.add(table, null, values[table]);
}
const owner = () => database.as("owner");
const end = (at: string | null, which = "true") =>
  owner().query(`update subscriptions set ended_at = $1 where tenant_id = $2 and ${which}`, [at, tenant]);
const subscribe = (id = crypto.randomUUID()) =>
  owner().query(
    "insert into subscriptions (id, tenant_id, plan, status, started_at) values ($1, $2, 'team', 'active', now())",
    [id, tenant],
  );

/** By table: when its rows' subscription ended, and whether they expire when their class says. */
async function stamps(of = tenant): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const { table, retention } of STAMPED) {
    found[table] = await owner().query(
      `select subscription_ended_at = $2::timestamptz as ended,
              expires_at = ebb.expiry(subscription_ended_at, ${intervalSql(SCHEDULE[retention].window)}) as by_class
         from public.${table} where tenant_id = $1 group by 1, 2`,
      [of, END],
    );
  }
  return found;
}
const everyTable = (ended: boolean | null) =>
  Object.fromEntries(STAMPED.map(({ table }) => [table, [{ ended, by_class: true }]]));
const [RUNNING, ENDED] = [everyTable(null), everyTable(true)];

it("concerns customer data and account information, each with its own window", () => {
  expect(STAMPED.map(({ table, retention }) => `${table}: ${retention}`).sort()).toEqual([
    "brands: account-information",
    "connections: customer-data",
    "credentials: account-information",
    "encrypted_credentials: customer-data",
    "identity_providers: account-information",
    "instances: account-information",
    "limit_allotments: account-information",
    "limit_overrides: account-information",
    "memberships: account-information",
    "profiles: customer-data",
    "registration_keys: registration-keys",
    "retention_windows: window-settings",
    "workspaces: account-information",
  ]);
});

it("a running subscription ends nothing; its end does, and nobody else's rows; it resumes, and nothing has an end", async () => {
  const other = uuidFromId("tenant", (await database.tenant()).id);
  const makeOther = await rowMaker(database, other);
  await addAll(makeOther);
  expect(await stamps()).toEqual(RUNNING);
  await end(END);
  expect(await stamps()).toEqual(ENDED);
  expect(await stamps(other)).toEqual(RUNNING);
  await end(null);
  expect(await stamps()).toEqual(RUNNING);
});

it("of two subscriptions the last to end counts, in whatever order they are ended", async () => {
  await subscribe();
  await end("2031-09-30T00:00:00Z", "plan = 'team'");
  expect(await stamps()).toEqual(RUNNING);
  await end(END, "plan <> 'team'");
  const [row] = await owner().query(
    "select distinct subscription_ended_at = '2031-09-30Z' as later from instances where tenant_id = $1",
    [tenant],
  );
  expect(row).toEqual({ later: true });
  await end(END, "plan = 'team'");
  expect(await stamps()).toEqual(ENDED);
});

it("a new subscription after the old one's end resumes everything", async () => {
  await end(END);
  await subscribe();
  expect(await stamps()).toEqual(RUNNING);
});

it("rows written after the end have it too, also once the subscription itself has been purged", async () => {
  await end(END);
  const later = await rowMaker(database, tenant);
  await addAll(later);
  expect(await stamps()).toEqual(ENDED);
  await owner().query("delete from subscriptions where tenant_id = $1", [tenant]);
  const last = await rowMaker(database, tenant);
  await addAll(last);
  expect(await stamps()).toEqual(ENDED);
});

it("what was removed before stays removed then", async () => {
  const id = crypto.randomUUID();
  await (await rowMaker(database, tenant)).add("instances", "2031-01-01T00:00:00Z", { id });
  const expires = async () =>
    (await owner().query("select expires_at::text as at from instances where id = $1", [id]))[0]?.["at"];
  const before = await expires();
  await end(END);
  expect(await expires()).toBe(before);
  await end(null);
  expect(await expires()).toBe(before);
});

describe("a row that is being written while the subscription ends", () => {
  const insert = `insert into workspaces (id, tenant_id, name, generation, created_at) values (gen_random_uuid(), $1, 'late', 0, now())`;

  it("is waited for by the end, and gets it", async () => {
    await database.session("owner", async (writer) => {
      await writer.query("begin");
      await writer.query(insert, [tenant]);
      const ending = end(END);
      // The end must not overtake the writer: it is given time to try.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await writer.query("commit");
      await ending;
    });
    expect(await stamps()).toEqual(ENDED);
  });

  it("waits for the end that is being set, and gets it", async () => {
    await database.session("owner", async (ender) => {
      await ender.query("begin");
      await ender.query("update subscriptions set ended_at = $1 where tenant_id = $2", [END, tenant]);
      const writing = owner().query(insert, [tenant]);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await ender.query("commit");
      await writing;
    });
    expect(await stamps()).toEqual(ENDED);
  });

  it("two that end at once, each unseen by the other, still end everything", async () => {
    const id = crypto.randomUUID();
    await subscribe(id);
    await database.session("owner", async (first) => {
      await first.query("begin");
      await first.query("update subscriptions set ended_at = $1 where tenant_id = $2 and id <> $3", [END, tenant, id]);
      const second = owner().query("update subscriptions set ended_at = $1 where id = $2", [END, id]);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await first.query("commit");
      await second;
    });
    expect(await stamps()).toEqual(ENDED);
  });
});

it("the application can neither set the end of a subscription on a row nor leave it out", async () => {
  const update = "update public.instances set subscription_ended_at = null";
  const inside = (fn: (query: Query) => Promise<unknown>) => enteredTransaction(database, account.apiKey, null, fn);
  await expect(inside((query) => query(update))).rejects.toMatchObject({ code: "42501" });
  await end(END);
  const workspace = uuidFromId("workspace", account.workspaceId);
  await inside((query) =>
    query(
      `insert into public.instances (id, tenant_id, workspace_id, client_id, scope, grant_types, registered_at, subscription_ended_at)
       values (gen_random_uuid(), $1, $2, 'late', '', '{}', now(), 'infinity')`,
      [tenant, workspace],
    ),
  );
  expect(await stamps()).toEqual(ENDED);
});
