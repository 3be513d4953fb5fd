import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { intervalSql, SCHEDULE } from "../privacy/schedule.ts";
import { stopAtNoon } from "../testing/aged-rows.ts";
import { appTransaction, enteredTransaction } from "../testing/app-session.ts";
import { actAs, keyText, reportOf, rowsSeenBy, runPurge, troubles, untilSomebodyWaits } from "../testing/purging.ts";
import { rowMaker } from "../testing/rows.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
import type { TestTenant } from "../testing/world.ts";

/** Legal holds: what lies under one stays however long it has been due, all else goes, and nobody sees more for it. */

interface Hold {
  tenant: string | null;
  subject: string | null;
  class: string | null;
}
interface Row {
  row: string;
  table: string;
  due: boolean;
  values: Record<string, string | null>;
}

let database: ScratchDatabase;
let noon: number;
let platform: TestTenant;
let accounts: [TestTenant, TestTenant];
let [a, b] = ["", ""];
/** People of both tenants, and instances: two of the one tenant, two of the other. */
const [x, y] = [crypto.randomUUID(), crypto.randomUUID()];
const [i, j, k, l] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);

/** Of every table: for each of two tenants rows of two people and two instances that were due 36 hours ago, and one that lives. */
async function scene(): Promise<void> {
  database = await scratchDatabase();
  platform = await database.tenant({ kind: "platform" });
  noon = await stopAtNoon(database);
  accounts = [await database.tenant(), await database.tenant()];
  [a, b] = [uuidFromId("tenant", accounts[0].id), uuidFromId("tenant", accounts[1].id)];
  const anchor = await anchors("36 hours");
  const people = await rowMaker(database, a);
  for (const id of [x, y]) await people.add("people", anchor("people", 0), { id });
  for (const [tenant, persons, instances] of [
    [a, [x, y], [i, j]],
    [b, [x, y], [k, l]],
  ] as const) {
    const make = await rowMaker(database, tenant);
    for (const id of instances) await make.add("instances", anchor("instances", 0), { id });
    for (const table of declaredTables()) {
      if (["people", "instances"].includes(table.table)) continue;
      for (const [n, person] of persons.entries()) {
        const values = Object.fromEntries(
          [
            ["person_id", person],
            ["actor_id", person],
            ["subject_id", person],
            ["instance_id", instances[n]],
          ].filter(([column]) => Object.hasOwn(table.columns, column as string)),
        );
        await make.add(table.table, anchor(table.table, n), { ...values, ...ownPath(table) });
      }
      await make.add(table.table, new Date(noon).toISOString(), ownPath(table));
    }
  }
  // A membership that comes revives its person: these two have gone again.
  await owner("update people set removed_at = $1 where id = any ($2)", [anchor("people", 0), [x, y]]);
}

const ownPath = ({ table }: DeclaredTable) => {
  const id = crypto.randomUUID();
  return table === "tenants" ? { id, path: `{${id}}` } : {};
};

/** By table, from when a row was kept that has been due for so long; the nth a second longer where that can be told. */
async function anchors(age: string): Promise<(table: string, n: number) => string> {
  const parts = declaredTables().map(({ table, retention, layout }) => {
    const expires = `(ebb.clock() - interval '${age}')`;
    const at = layout.kind === "partitioned" && layout.by === "day" ? `date_trunc('day', ${expires}, 'UTC')` : expires;
    const kept = intervalSql(SCHEDULE[retention].window);
    return `select '${table}' as table, ((${at} at time zone 'UTC' - ${kept}) at time zone 'UTC')::text as at`;
  });
  const found = new Map((await owner(parts.join(" union all "))).map((row) => [row["table"], row["at"] as string]));
  return (table, n) => {
    const at = Date.parse((found.get(table) as string).replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
    return new Date(at - (table === "straight_windows" ? n * 1_000 : 0)).toISOString();
  };
}

const byName = new Map(declaredTables().map((table) => [table.table, table]));

async function allRows(): Promise<Row[]> {
  const parts = declaredTables().map(
    ({ table }) =>
      `select ${keyText(table)} as row, '${table}' as table, expires_at <= ebb.clock() as due, to_jsonb(t) as values from public.${table} t`,
  );
  return (await owner(parts.join(" union all "))) as unknown as Row[];
}

/** Whether a hold lies on a row, as a lawyer would say it. */
function lies({ tenant, subject, class: of }: Hold, { table, values }: Row): boolean {
  const declared = byName.get(table) as DeclaredTable;
  const whose = table === "tenants" ? values["id"] : values["tenant_id"];
  const named = ["person_id", "instance_id", "actor_id", "subject_id"].map((column) => values[column]);
  if (["people", "instances"].includes(table)) named.push(values["id"]);
  return (
    declared.holds === "honoured" &&
    (tenant === null || whose === tenant) &&
    (of === null || declared.retention === of) &&
    (subject === null || named.includes(subject))
  );
}
const heldBy = (holds: readonly Hold[], rows: readonly Row[]) =>
  rows.filter((row) => holds.some((hold) => lies(hold, row)));

async function place(hold: Hold, more: { closed?: boolean; reviewAt?: string } = {}): Promise<string> {
  const id = crypto.randomUUID();
  await owner(
    "insert into legal_holds (id, tenant_id, subject_id, retention_class, reason, placed_by, placed_at, review_at, closed_at) values ($1, $2, $3, $4, 'a case', $5, ebb.clock(), $6, $7)",
    [
      id,
      hold.tenant,
      hold.subject,
      hold.class,
      crypto.randomUUID(),
      more.reviewAt ?? new Date(noon).toISOString(),
      more.closed ? new Date(noon).toISOString() : null,
    ],
  );
  return id;
}
const release = (id: string) => owner("update legal_holds set closed_at = ebb.clock() where id = $1", [id]);

const CLASSES = [...new Set(declaredTables().map(({ retention }) => retention))];
const HONOURED = [...new Set(declaredTables().flatMap((t) => (t.holds === "honoured" ? [t.retention] : [])))];

describe("whatever the holds", () => {
  beforeAll(scene, 60_000);
  afterAll(() => database.drop());
  afterEach(() => owner("delete from legal_holds where reason = 'a case'"));

  /** What the purge finds is what is due and on which none of these lies. */
  async function expectSeen(holds: readonly Hold[]): Promise<void> {
    const rows = (await allRows()).filter(({ due }) => due);
    const held = new Set(heldBy(holds, rows));
    const expected = rows.filter((row) => !held.has(row)).map(({ row }) => row);
    expect(await rowsSeenBy(database, "purge")).toEqual(expected.sort());
  }

  it("the scene has rows due and rows that live in every table, and without a hold the purge finds all that are due", async () => {
    const rows = await allRows();
    for (const { table } of declaredTables()) {
      expect([table, new Set(rows.filter((row) => row.table === table).map(({ due }) => due))]).toEqual([
        table,
        new Set([true, false]),
      ]);
    }
    await expectSeen([]);
  });

  it.each([
    ["a tenant", { tenant: "a" }],
    ["a person, in whatever tenant", { subject: "x" }],
    ["an instance", { subject: "i" }],
    ["a person within a tenant", { tenant: "b", subject: "x" }],
    ["an instance within a tenant that is not its own: nothing", { tenant: "b", subject: "i" }],
    ["a tenant and a class", { tenant: "a", class: "diagnostics" }],
    ["a person, in one class", { subject: "y", class: "sessions" }],
    ["a person within a tenant, in one class", { tenant: "a", subject: "y", class: "security-events" }],
  ])("one on %s", async (_, names) => {
    const named: Record<string, string> = { a, b, x, y, i };
    const hold = {
      tenant: named[(names as Partial<Hold>).tenant ?? ""] ?? null,
      subject: named[(names as Partial<Hold>).subject ?? ""] ?? null,
      class: (names as Partial<Hold>).class ?? null,
    };
    await place(hold);
    await expectSeen([hold]);
  });

  it.each(CLASSES)("one on the class %s keeps its tables that honour holds, and them alone", async (name) => {
    const hold = { tenant: null, subject: null, class: name };
    await place(hold);
    await expectSeen([hold]);
  });

  it("several at once, some released, some long due for review: those in place hold", async () => {
    const one = fc
      .record({
        tenant: fc.constantFrom(null, "a", "b"),
        subject: fc.constantFrom(null, "x", "y", "i", "l"),
        class: fc.option(fc.constantFrom(...HONOURED)),
        closed: fc.boolean(),
        reviewAt: fc.constantFrom("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
      })
      .filter((hold) => hold.tenant !== null || hold.subject !== null || hold.class !== null);
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 4 }), async (holds) => {
        const named: Record<string, string> = { a, b, x, y, i, l };
        const real = holds.map((hold) => ({
          ...hold,
          tenant: hold.tenant === null ? null : (named[hold.tenant] as string),
          subject: hold.subject === null ? null : (named[hold.subject] as string),
        }));
        for (const hold of real) await place(hold, hold);
        await expectSeen(real.filter(({ closed }) => !closed));
        await owner("delete from legal_holds where reason = 'a case'");
      }),
      { numRuns: 25 },
    );
  });

  it("one on nothing at all is no hold", async () => {
    expect(await refusal(place({ tenant: null, subject: null, class: null }))).toBe("23514");
  });

  it("no role sees a held row for it", async () => {
    const may = (role: string) =>
      `has_column_privilege('${role}', 'public.' || t.name, 'expires_at', 'select') and t.name <> 'purge_receipts'`;
    const names = declaredTables().map(({ table }) => table);
    const counts = async (login: "app" | "ingest") => {
      const readable = await owner(`select t.name from unnest($1::text[]) as t (name) where ${may(`ebb_${login}`)}`, [
        names,
      ]);
      const parts = readable.map(
        ({ name }) =>
          `select '${name}' as name, count(*) filter (where expires_at <= ebb.clock())::int as due, count(*)::int as rows from public.${name}`,
      );
      const text = parts.join(" union all ");
      if (login === "ingest") return await database.as("ingest").query(text);
      return await enteredTransaction(database, accounts[0].apiKey, null, (query) => query(text));
    };
    const before = [await counts("app"), await counts("ingest")];
    expect(before.map((seen) => seen.length)).toEqual([16, 1]);
    for (const { name, due, rows } of before.flat()) {
      expect([name, due, rows]).toEqual([name, 0, expect.toSatisfy((n) => name === "people" || n > 0)]);
    }
    await place({ tenant: a, subject: null, class: null });
    await place({ tenant: null, subject: x, class: null });
    expect([await counts("app"), await counts("ingest")]).toEqual(before);
  });
});

describe("a run", () => {
  beforeAll(scene, 60_000);
  afterAll(() => database.drop());

  it("leaves what is held and, where it must, what that refers to; takes all else beside it; and the rest after the release", async () => {
    const holds: Hold[] = [
      { tenant: a, subject: i, class: "alive-pings" },
      { tenant: b, subject: null, class: null },
      { tenant: null, subject: x, class: null },
      { tenant: null, subject: null, class: "diagnostics" },
    ];
    const overlapping = await place({ tenant: b, subject: null, class: "alive-pings" });
    const ids = await Promise.all(holds.map((hold) => place(hold, { reviewAt: "2000-01-01T00:00:00Z" })));
    const before = await allRows();
    const due = before.filter((row) => row.due);
    const held = heldBy(holds, due).map(({ row }) => row);
    const day = await owner(
      "select tableoid::regclass::text as at from pings where expires_at <= ebb.clock() group by 1",
    );
    expect(day).toHaveLength(1);
    expect(due.length - held.length).toBeGreaterThan(60);

    const report = await runPurge(database, noon);
    await release(overlapping);
    const left = (await allRows()).filter((row) => row.due);
    const blocked = left.map(({ row }) => row).filter((row) => !held.includes(row));
    // The people of held memberships, the instances of held credentials: what a held row refers to waits with it.
    expect(held.filter((row) => !left.some((other) => other.row === row))).toEqual([]);
    expect(troubles(report).reduce((sum, table) => sum + table.blocked, 0)).toBe(blocked.length);
    expect(troubles(report).flatMap(({ errors }) => errors)).toEqual([]);
    expect([...new Set(blocked.map((row) => row.split(" ")[0]))].sort()).toEqual(["instances", "people"]);
    const own = (row: Row) => !["purge_receipts", "purge_progress", "legal_holds"].includes(row.table);
    const lived = (rows: readonly Row[]) => rows.filter((row) => !row.due && own(row)).map(({ row }) => row);
    expect(lived(await allRows()).sort()).toEqual(lived(before).sort());
    // Of the daily partition only what is held is left; it is not dropped.
    const pings = left.filter(({ table }) => table === "pings");
    expect(pings.map(({ row }) => row).sort()).toEqual(held.filter((row) => row.startsWith("pings ")).sort());
    expect(pings).toHaveLength(3);
    expect(reportOf(report, "pings").partitions.map(({ name }) => name)).not.toContain(day[0]?.["at"]);
    expect(reportOf(report, "pings").deleted).toBe(1);
    const error = reportOf(report, "error_reports");
    expect([error.deleted, error.overdueAfterMs]).toEqual([0, 0]);

    const again = await runPurge(database, noon);
    expect(again.tables.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(0);
    for (const id of ids) await release(id);
    const last = await runPurge(database, noon);
    expect(troubles(last)).toEqual([]);
    expect((await allRows()).filter((row) => row.due)).toEqual([]);
    expect(reportOf(last, "pings")).toMatchObject({
      deleted: 3,
      partitions: [{ name: `public.${day[0]?.["at"]}`, rows: 3 }],
    });
  }, 60_000);
});

describe("the platform owner", () => {
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
  const BATCH =
    "select done, blocked, last_key from ebb.purge_batch($1, 'public.dead_letters', 'expired', null, $2, $3)";

  it("alone places, lists and releases holds, for a tenant or for nobody's in particular, and is their author", async () => {
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

  it("cannot place one on a class that does not exist or whose tables ignore holds: nothing would be kept", async () => {
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

  it("places one while a batch runs: it waits, what the batch took is gone, and the next batch leaves the rest", async () => {
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

  it("places one, and until it is there batches and drops give up; then the rows stay", async () => {
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

  it("whose transaction is undone has placed nothing", async () => {
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
});
