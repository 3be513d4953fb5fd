import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { uuidFromId } from "../core/id.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { intervalSql, SCHEDULE } from "../privacy/schedule.ts";
import { stopAtNoon } from "../testing/aged-rows.ts";
import { enteredTransaction } from "../testing/app-session.ts";
import { keyText, reportOf, rowsSeenBy, runPurge, troubles } from "../testing/purging.ts";
import { rowMaker } from "../testing/rows.ts";
import { refusal, type ScratchDatabase, scratchDatabase } from "../testing/scratch-database.ts";
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
let accounts: [TestTenant, TestTenant];
let [a, b] = ["", ""];
/** People of both tenants, and instances: two of the one tenant, two of the other. */
const [x, y] = [crypto.randomUUID(), crypto.randomUUID()];
const [i, j, k, l] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
const owner = (text: string, params: unknown[] = []) => database.as("owner").query(text, params);

/** Of every table: for each of two tenants rows of two people and two instances that were due 36 hours ago, and one that lives. */
async function scene(): Promise<void> {
  database = await scratchDatabase();
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
    (tenant === null || whose === tenant || (subject !== null && (whose ?? null) === null)) &&
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
    expect(before.map((seen) => seen.length)).toEqual([23, 1]);
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
  });
});
