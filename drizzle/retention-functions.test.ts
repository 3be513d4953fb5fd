import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import type { NewTenant } from "../src/local/bootstrap.ts";
import { endsWithTenant, tenantColumn } from "../src/privacy/conditions.ts";
import { type DeclaredTable, declaredTables } from "../src/privacy/inventory.ts";
import { addAgedRows, stopAtNoon } from "../src/testing/aged-rows.ts";
import { appTransaction, enteredTransaction } from "../src/testing/app-session.ts";
import { type RowMaker, rowMaker } from "../src/testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/** The functions for holds, windows and the status, called directly as `ebb_app`: what a mistake in TypeScript could reach. */

let database: ScratchDatabase;
let noon: number;
let tree: Record<string, TestTenant>;
const of = (name: string) => tree[name] as TestTenant;
const uuid = (name: string) => uuidFromId("tenant", of(name).id);

async function scene(): Promise<void> {
  database = await scratchDatabase();
  tree = {};
  const add = async (name: string, kind: NewTenant["kind"], parent: string | null, plan: NewTenant["plan"]) => {
    tree[name] = await database.tenant({ kind, plan, parent: parent === null ? null : of(parent) });
  };
  await add("platform", "platform", null, "enterprise");
  await add("reseller", "reseller", "platform", "team");
  await add("client", "client", "reseller", "enterprise");
  await add("direct", "direct", "platform", "enterprise");
  await add("free", "direct", "platform", "free");
  noon = await stopAtNoon(database);
}

type Row = Record<string, unknown>;
const entered = (by: string, target: string, text: string, params: unknown[] = []): Promise<Row[]> =>
  enteredTransaction(database, of(by).apiKey, uuid(target), async (query) => {
    const rows = await query(text, params);
    await query("commit");
    return rows;
  });
const calling = (by: string, target: string, text: string, params: unknown[] = []) =>
  refusal(entered(by, target, text, params));
const at = (hours: number) => new Date(noon + hours * 3_600_000).toISOString();
const monthsAgo = async (months: number, hours = 0) => {
  const [row] = await database
    .as("owner")
    .query(
      `select ((((ebb.clock() at time zone 'UTC') - make_interval(months => ${months})) at time zone 'UTC') + interval '${hours} hours')::text as at`,
    );
  return row?.["at"] as string;
};

const STATUS = "select * from ebb.retention_status()";
async function status(by: string, target = by): Promise<Record<string, Row>> {
  const rows = await entered(by, target, STATUS);
  return Object.fromEntries(rows.map((row) => [(row["purged"] as string).slice("public.".length), row]));
}
const column = (rows: Record<string, Row>, name: string) =>
  Object.fromEntries(Object.entries(rows).map(([table, row]) => [table, row[name]]));

/** Counts as the owner, whom no policy binds, with a plain condition on whole tables. */
async function truth(condition: string, tenant: string | null, tables: readonly DeclaredTable[]) {
  const parts = tables.map((table) => {
    const mine = tenant === null ? "true" : `${tenantColumn(table)} = '${tenant}'`;
    return `select '${table.table}' as table, count(*)::int as rows from public.${table.table} where ${mine} and ${condition}`;
  });
  const rows = await database.as("owner").query(parts.join(" union all "));
  return Object.fromEntries(rows.map((row) => [row["table"], row["rows"]]));
}

describe("retention_status", { timeout: 30_000 }, () => {
  beforeEach(scene);
  afterEach(() => database.drop());

  const tenantTables = declaredTables().filter(
    (table) => tenantColumn(table) !== null && table.table !== "legal_holds",
  );
  const expiring = "expires_at > ebb.clock() and expires_at <= ebb.clock() + interval '24 hours'";

  it("counts exactly a tenant's own rows for it, and everybody's for the platform owner, in every table", async () => {
    for (const name of ["direct", "client"]) await addAgedRows(database, await rowMaker(database, uuid(name)));
    await (await rowMaker(database, uuid("client"))).add("dead_letters", at(-24 * 7 + 1));
    for (const [by, target] of [
      ["direct", "direct"],
      ["client", "client"],
      ["reseller", "client"],
      ["reseller", "reseller"],
      ["platform", "client"],
    ] as const) {
      const seen = await status(by, target);
      // Whoever owns the platform is told of holds on a tenant, and nobody else.
      const { legal_holds: holds, ...others } = seen;
      expect([by, holds !== undefined]).toEqual([by, by === "platform"]);
      expect(column(others, "expiring")).toEqual(await truth(expiring, uuid(target), tenantTables));
      expect(column(others, "overdue")).toEqual(await truth("expires_at <= ebb.clock()", uuid(target), tenantTables));
      expect(new Set(Object.values(column(others, "everybody")))).toEqual(new Set([false]));
    }
    const all = await status("platform");
    expect(column(all, "expiring")).toEqual(await truth(expiring, null, declaredTables()));
    expect(column(all, "overdue")).toEqual(await truth("expires_at <= ebb.clock()", null, declaredTables()));
    expect(new Set(Object.values(column(all, "everybody")))).toEqual(new Set([true]));
    // The positive control: there was something to count wrongly.
    expect(column(await status("client"), "expiring")["dead_letters"]).toBe(2);
    expect(column(await status("direct"), "expiring")["dead_letters"]).toBe(1);
    expect(all["dead_letters"]).toMatchObject({ expiring: 3, overdue: 6 });
  });

  it("says since when the oldest row is overdue, and until when the last is kept", async () => {
    const make = await rowMaker(database, uuid("direct"));
    await make.add("dead_letters", at(-24 * 7 - 5));
    await make.add("dead_letters", at(-24 * 2));
    await (await rowMaker(database, uuid("client"))).add("dead_letters", at(-1));
    const own = await status("direct");
    expect(own["dead_letters"]).toMatchObject({
      overdue: 1,
      overdue_since: new Date(noon - 5 * 3_600_000),
      kept_until: new Date(noon + 24 * 5 * 3_600_000),
    });
    expect(own["credentials"]).toMatchObject({ kept_until: Number.POSITIVE_INFINITY });
    expect(own["ai_usage"]).toMatchObject({ kept_until: null, overdue_since: null });
    const all = await status("platform");
    expect(all["dead_letters"]).toMatchObject({ kept_until: new Date(noon + (24 * 7 - 1) * 3_600_000) });
  });

  it("finds the last day of pings, of a tenant and of all", async () => {
    const day = new Date(noon - 12 * 3_600_000).getTime();
    const pingOf = async (name: string, daysAgo: number) =>
      await (await rowMaker(database, uuid(name))).add("pings", new Date(day - daysAgo * 86_400_000).toISOString());
    await pingOf("direct", 28);
    await pingOf("direct", 29);
    await pingOf("client", 28);
    const expiry = (daysAgo: number) => new Date(day + (30 - daysAgo) * 86_400_000);
    expect((await status("direct"))["pings"]).toMatchObject({ expiring: 1, kept_until: expiry(28) });
    expect((await status("reseller"))["pings"]).toMatchObject({ expiring: 0, kept_until: null });
  });

  it("knows what a tenant's own window cuts short, its own and nobody else's", async () => {
    const rows = async (make: RowMaker) => {
      await make.add("tool_executions", await monthsAgo(1, 12));
      await make.add("tool_executions", await monthsAgo(1, 13));
      await make.add("tool_executions", await monthsAgo(1, 36));
      await make.add("tool_executions", await monthsAgo(3));
    };
    for (const month of [1, 3]) {
      await database
        .as("jobs")
        .query("select ebb.create_partitions('public.tool_executions', 'month', $1, $2)", [
          await monthsAgo(month - 12, -72),
          await monthsAgo(month - 12, 72),
        ]);
    }
    for (const name of ["direct", "client"]) await rows(await rowMaker(database, uuid(name)));
    expect((await status("direct"))["tool_executions"]).toMatchObject({ expiring: 0, overdue: 0 });
    await entered("platform", "direct", "select ebb.set_window(gen_random_uuid(), 'tool-execution-logs', 1)");
    for (const [by, target] of [
      ["direct", "direct"],
      ["platform", "direct"],
      ["platform", "platform"],
    ] as const) {
      expect((await status(by, target))["tool_executions"], `${by} on ${target}`).toMatchObject({
        expiring: 2,
        overdue: 1,
        overdue_since: new Date(await monthsAgo(2)),
      });
    }
    expect((await status("client"))["tool_executions"]).toMatchObject({ expiring: 0, overdue: 0 });
    // What is stored under the new window, with either stamp, is taken.
    await (await rowMaker(database, uuid("direct"))).add("tool_executions", await monthsAgo(1, 20));
    expect((await status("direct"))["tool_executions"]).toMatchObject({ expiring: 3 });
  });

  it("counts what goes with a closed account", async () => {
    const make = await rowMaker(database, uuid("direct"));
    await make.add("dead_letters", at(-1), {}, 3);
    await make.add("security_events", at(-1), {}, 2);
    const close = (hours: number) =>
      database.as("owner").query("update tenants set closed_at = $1 where id = $2", [at(hours), uuid("direct")]);
    await close(-24 * 30 + 6);
    const soon = await status("platform");
    expect(soon["dead_letters"]).toMatchObject({ expiring: 3, overdue: 0 });
    expect(soon["workspaces"]).toMatchObject({ expiring: 1 });
    expect(soon["security_events"]).toMatchObject({ expiring: 0 });
    expect((await status("platform", "direct"))["dead_letters"]).toMatchObject({
      expiring: 3,
      kept_until: new Date(noon + 6 * 3_600_000),
    });
    expect((await status("platform", "client"))["workspaces"]).toMatchObject({ expiring: 0 });
    await close(-24 * 30 - 6);
    const late = await status("platform");
    for (const { table } of declaredTables().filter(endsWithTenant)) {
      expect([table, late[table]?.["expiring"]]).toEqual([table, 0]);
    }
    expect(late["dead_letters"]).toMatchObject({ overdue: 3, overdue_since: new Date(noon - 6 * 3_600_000) });
    expect(late["security_events"]).toMatchObject({ overdue: 0 });
  });

  it("tells the platform owner alone what a hold keeps back, and calls none of it overdue", async () => {
    const make = await rowMaker(database, uuid("direct"));
    await make.add("dead_letters", at(-24 * 8), {}, 4);
    expect((await status("direct"))["dead_letters"]).toMatchObject({ overdue: 4, held: null });
    await entered(
      "platform",
      "platform",
      "select ebb.place_hold(gen_random_uuid(), $1, null, null, 'case', ebb.clock() + interval '1 day')",
      [uuid("direct")],
    );
    const unheld = { overdue: 0, overdue_since: null, overdue_more: false };
    expect((await status("direct"))["dead_letters"]).toMatchObject({ ...unheld, held: null });
    expect((await status("platform", "direct"))["dead_letters"]).toMatchObject({ ...unheld, held: 4 });
    expect((await status("platform"))["dead_letters"]).toMatchObject({ ...unheld, held: 4 });
  });

  it("counts ten thousand and says that there are more", async () => {
    const make = await rowMaker(database, uuid("direct"));
    await make.add("dead_letters", at(-24 * 7 + 5), {}, 10_000);
    const full = { expiring: 10_000, expiring_more: false };
    expect((await status("direct"))["dead_letters"]).toMatchObject(full);
    await make.add("dead_letters", at(-24 * 7 + 6));
    for (const [by, target] of [
      ["direct", "direct"],
      ["platform", "platform"],
    ] as const) {
      expect((await status(by, target))["dead_letters"]).toMatchObject({ expiring: 10_000, expiring_more: true });
    }
    expect((await status("client"))["dead_letters"]).toMatchObject({ expiring: 0, expiring_more: false });
  });

  it("says nothing without a context, with a forged one, or to another role", async () => {
    expect(await refusal(appTransaction(database, (query) => query(STATUS)))).toBe("EB404");
    const forged = ["api-key", crypto.randomUUID(), uuid("platform"), uuid("platform"), "0".repeat(64)].join("|");
    expect(
      await refusal(
        appTransaction(database, async (query) => {
          await query("select set_config('ebb.context', $1, true)", [forged]);
          return await query(STATUS);
        }),
      ),
    ).toBe("EB404");
    expect(
      await refusal(
        enteredTransaction(database, of("direct").apiKey, null, async (query) => {
          // Its own, with its seal, and another target.
          await query(
            "select set_config('ebb.context', replace(current_setting('ebb.context'), '|' || $1 || '|' || $1 || '|', '|' || $1 || '|' || $2 || '|'), true)",
            [uuid("direct"), uuid("client")],
          );
          const [row] = await query("select current_setting('ebb.context') as context");
          expect(row?.["context"]).toContain(uuid("client"));
          return await query(STATUS);
        }),
      ),
    ).toBe("EB404");
    for (const login of ["purge", "jobs", "ingest"] as const) {
      expect(await refusal(database.as(login).query(STATUS)), login).toBe("42501");
    }
    expect(await calling("direct", "direct", STATUS)).toBeNull();
  });

  it("is an error, and not an empty list, where maintenance has lost its sight", async () => {
    await database.as("superuser").query("drop policy dead_letters_ebb_maint_select on public.dead_letters");
    expect(await calling("direct", "direct", STATUS)).toBe("EB500");
  });
});

describe("holds and windows", () => {
  beforeAll(scene);
  afterAll(() => database.drop());

  const PLACE = "select ebb.place_hold($1, $2, null, null, 'case', ebb.clock() + interval '1 day', 'person') as placed";
  const RELEASE = "select ebb.release_hold($1, 'done')";
  const LIST = "select id, tenant_id, subject_kind, closed_at, outcome from ebb.list_holds($1, $2)";

  it("are held by the platform owner, whomever it has entered", async () => {
    const id = crypto.randomUUID();
    for (const by of ["reseller", "client", "direct"]) {
      expect(await calling(by, by, PLACE, [id, uuid("direct")]), by).toBe("EB405");
      expect(await calling(by, by, LIST, [null, 10]), by).toBe("EB405");
    }
    expect(await calling("platform", "direct", PLACE, [id, uuid("direct")])).toBeNull();
    for (const by of ["reseller", "client", "direct"]) expect(await calling(by, by, RELEASE, [id]), by).toBe("EB405");
    expect(await entered("platform", "platform", LIST, [null, 10])).toContainEqual({
      ...{ id, tenant_id: uuid("direct"), subject_kind: "person", closed_at: null, outcome: null },
    });
    expect(await calling("platform", "platform", RELEASE, [id])).toBeNull();
  });

  it("are never read or written past the functions", async () => {
    for (const text of [
      "select from public.legal_holds",
      "delete from public.legal_holds",
      "update public.legal_holds set closed_at = ebb.clock()",
    ]) {
      expect(await calling("platform", "platform", text), text).toBe("42501");
    }
    expect(await calling("platform", "platform", PLACE, [crypto.randomUUID(), null])).toBe("23514");
  });

  it("are released once: of two at once, one finds none", async () => {
    const id = crypto.randomUUID();
    await entered("platform", "platform", PLACE, [id, uuid("direct")]);
    const both = await Promise.all([
      calling("platform", "platform", RELEASE, [id]),
      calling("platform", "platform", RELEASE, [id]),
    ]);
    expect(both.map(String).sort()).toEqual(["EB404", "null"]);
    expect(await calling("platform", "platform", RELEASE, [crypto.randomUUID()])).toBe("EB404");
    expect(await entered("platform", "platform", LIST, [null, 10])).toContainEqual(
      expect.objectContaining({ id, outcome: "done" }),
    );
  });

  const SET = "select ebb.set_window(gen_random_uuid(), $1, $2) as effective_at";
  const OWN =
    "select months, effective_at, superseded_at from public.retention_windows where superseded_at is null or superseded_at > effective_at order by effective_at, months";

  it("are set by the platform owner, for classes that vary, within the bounds, and tenants of the enterprise plan", async () => {
    const set = (by: string, target: string, retentionClass = "tool-execution-logs", months: number | null = 6) =>
      calling(by, target, SET, [retentionClass, months]);
    for (const [by, target] of [
      ["direct", "direct"],
      ["reseller", "client"],
      ["reseller", "reseller"],
    ] as const) {
      expect(await set(by, target), `${by} on ${target}`).toBe("EB405");
    }
    expect(await set("platform", "direct", "alive-pings")).toBe("EB406");
    expect(await set("platform", "direct", "no-such-class")).toBe("EB406");
    for (const months of [0, -1, 25, null]) {
      expect(await set("platform", "direct", "tool-execution-logs", months), String(months)).toBe("22003");
    }
    expect(await set("platform", "free")).toBe("EB407");
    expect(await set("platform", "reseller")).toBe("EB407");
    expect(await set("platform", "direct")).toBeNull();
    expect(await set("platform", "client")).toBeNull();
    expect(await entered("direct", "direct", OWN)).toEqual([
      { months: 6, effective_at: new Date(noon), superseded_at: null },
    ]);
    expect(await entered("free", "free", OWN)).toEqual([]);
  });

  it("are one, of two windows that are set at once", async () => {
    const beside = await database.tenant({ kind: "direct", parent: of("platform") });
    tree["beside"] = beside;
    await Promise.all([18, 20].map((months) => entered("platform", "beside", SET, ["tool-execution-logs", months])));
    const own = await entered("beside", "beside", OWN);
    expect(own).toHaveLength(1);
    expect(own[0]).toMatchObject({ effective_at: new Date(noon + 30 * 86_400_000), superseded_at: null });
  });
});
