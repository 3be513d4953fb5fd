import { afterAll, beforeAll, expect, it } from "vitest";
import { uuidFromId } from "../src/core/id.ts";
import type { Reach, Role } from "../src/privacy/declaration.ts";
import { declaredTables } from "../src/privacy/inventory.ts";
import type { Query } from "../src/testing/app-session.ts";
import {
  accessTo,
  COMMANDS,
  cellsOf,
  keyOf,
  type NewRows,
  newRowsOf,
  runCells,
  runPartitions,
} from "../src/testing/isolation-cells.ts";
import { rowMaker } from "../src/testing/rows.ts";
import { hashOf, refusal, type ScratchDatabase, scratchDatabase } from "../src/testing/scratch-database.ts";
import type { TestTenant } from "../src/testing/world.ts";

/**
 * The isolation matrix of the database: every table and every partition, as the catalog lists them, × every command ×
 * whatever a transaction can have entered or forged. What the inventory declares decides what each cell must be; a new
 * table is in it by being there.
 */

let database: ScratchDatabase;
/** One connection of each role for all transactions: 770 partitions are looked up once. */
let sessions: Record<"app" | "superuser" | "elsewhere", Query>;
let closeSessions: () => Promise<unknown>;
/** platform > (reseller `own` > `child`, reseller `sibling`); all have rows in every table. */
let world: Record<Name, TestTenant>;
let catalog: Catalog;
let newRows: NewRows;

type Name = "own" | "child" | "sibling" | "parent";
const NAMES: readonly Name[] = ["own", "child", "sibling", "parent"];
const uuid = (name: Name) => uuidFromId("tenant", world[name].id);

interface Row {
  key: string;
  tenant: string | null;
  path: string[] | null;
  /** Of a person: the tenants that they are members of. */
  members: string[] | null;
  live: boolean;
  due: boolean;
}
let rows: Map<string, Row[]>;

beforeAll(async () => {
  database = await scratchDatabase();
  const parent = await database.tenant({ kind: "platform" });
  const [own, sibling] = [
    await database.tenant({ kind: "reseller", parent }),
    await database.tenant({ kind: "reseller", parent }),
  ];
  world = { own, child: await database.tenant({ kind: "client", parent: own }), sibling, parent };
  catalog = await catalogOf((text) => database.as("owner").query(text));
  const [justNow, longAgo] = [new Date(Date.now() - 1_000).toISOString(), "2020-01-01T00:00:00Z"];
  for (const name of NAMES) {
    const make = await rowMaker(database, uuid(name));
    for (const declared of declaredTables()) {
      const { table, layout } = declared;
      if (table === "tenants") continue;
      // An end that is set cannot be set again: what may be updated has none yet.
      await make.add(table, accessTo("ebb_app", declared, "update") ? null : justNow);
      if (layout.kind === "state") await make.add(table, longAgo);
    }
  }
  newRows = await newRowsOf(
    database,
    declaredTables().flatMap((table) =>
      (["ebb_app", "ebb_ingest"] as const).some((role) => accessTo(role, table, "insert")) ? [table.table] : [],
    ),
    Object.fromEntries(NAMES.map((name) => [name, uuid(name)])),
  );
  rows = new Map();
  for (const declared of declaredTables()) rows.set(declared.table, await rowsOf(declared));
  await openSessions();
});
afterAll(async () => {
  await closeSessions();
  await database.drop();
});

interface Catalog {
  tables: string[];
  partitions: number;
}

async function catalogOf(query: Query): Promise<Catalog> {
  const relations = await query(
    `select relname, relispartition from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') order by 1`,
  );
  const tables = relations.flatMap((row) => (row["relispartition"] ? [] : [row["relname"] as string]));
  return { tables, partitions: relations.length - tables.length };
}

async function openSessions(): Promise<void> {
  const closing: (() => void)[] = [];
  const ended: Promise<unknown>[] = [];
  const open = (login: "app" | "superuser") =>
    new Promise<Query>((resolve, reject) => {
      ended.push(
        database
          .session(login, async (client) => {
            resolve(async (text, params = []) => (await client.query(text, params)).rows);
            await new Promise<void>((close) => closing.push(close));
          })
          .catch(reject),
      );
    });
  sessions = { app: await open("app"), superuser: await open("superuser"), elsewhere: await open("app") };
  closeSessions = () => {
    for (const close of closing) close();
    return Promise.all(ended);
  };
}

/** Every row as the owner sees it, and whose it is: what expectations are made from. */
async function rowsOf(declared: ReturnType<typeof declaredTables>[number]): Promise<Row[]> {
  const { table, columns } = declared;
  const tenant = table === "tenants" ? "id" : Object.hasOwn(columns, "tenant_id") ? "tenant_id" : "null::uuid";
  const removed = Object.hasOwn(columns, "removed_at") ? "removed_at is null" : "true";
  return (await database.as("owner").query(
    `select ${keyOf(declared)} as key, ${tenant}::text as tenant, ${table === "tenants" ? "path::text[]" : "null::text[]"} as path,
            ${table === "people" ? `array(select m.tenant_id::text from memberships m where m.person_id = t.id)` : "null::text[]"} as members,
            expires_at > ebb.clock() and ${removed} as live, expires_at <= ebb.clock() as due
       from public.${table} t`,
  )) as unknown as Row[];
}

/** What a transaction has entered: the tenant, and whether its data is opened; null: nothing. */
interface Scope {
  target: string | null;
  opened: boolean;
}
const NOTHING: Scope = { target: null, opened: false };

/** Which rows a reach means: the words of the inventory, told once more and by other means than the policies. */
function reached(reach: Reach, { target, opened }: Scope, row: Row): boolean {
  switch (reach) {
    case "entered-tenant":
      return opened && row.tenant === target && !row.due;
    case "entered-target":
      return target !== null && row.tenant === target && !row.due;
    case "entered-subtree":
      return target !== null && row.path?.includes(target) === true && !row.due;
    case "members-of-entered-tenant":
      return opened && target !== null && row.members?.includes(target) === true && !row.due;
    case "unexpired":
      return !row.due;
    case "live":
      return row.live;
    case "due":
    case "due-or-past-anonymising":
      return row.due;
    case "anonymisable":
      return false;
    case "all":
      return true;
  }
}

interface Count {
  cells: number;
  /** Cells in which something was met that had to be. */
  positives: number;
  /** Those that the inventory implies. */
  implied: number;
  leaks: string[];
}
const sum = (counts: readonly Count[]): Count => ({
  cells: counts.reduce((total, { cells }) => total + cells, 0),
  positives: counts.reduce((total, { positives }) => total + positives, 0),
  implied: counts.reduce((total, { implied }) => total + implied, 0),
  leaks: counts.flatMap(({ leaks }) => leaks),
});

/** Every cell of this role in the transaction that is open, held against what the inventory says of its scope. */
async function matrix(query: Query, role: Role, scope: Scope, context: string): Promise<Count> {
  const count: Count = { cells: 0, positives: 0, implied: 0, leaks: [] };
  const { tables } = await catalogOf(query);
  const cells = await cellsOf(database, role, tables, newRows);
  for (const { table, command, state, met, keys } of await runCells(query, cells)) {
    count.cells += 1;
    const declared = declaredTables().find((candidate) => candidate.table === table);
    const access = declared && accessTo(role, declared, command);
    const leak = (what: string) => count.leaks.push(`${role}, ${context}: ${command} ${table}: ${what}`);
    if (access === undefined) {
      if (state !== "42501") leak(`not refused (${state}, ${met} rows)`);
      continue;
    }
    if (command === "insert") {
      const wanted = NAMES.filter((name) => reached(access.reach, scope, newRowOf(table, name)));
      if (wanted.length > 0) count.implied += 1;
      if (keys.toSorted().join() !== wanted.toSorted().join()) leak(`for ${keys} and not for ${wanted} (${state})`);
      else if (wanted.length > 0) count.positives += 1;
      if (wanted.length < NAMES.length && state !== "42501") leak(`refused with ${state}`);
      continue;
    }
    if (state !== null) leak(`refused with ${state}`);
    const wanted = (rows.get(table) ?? []).filter((row) => reached(access.reach, scope, row)).map(({ key }) => key);
    if (wanted.length > 0) count.implied += 1;
    const known = new Set((rows.get(table) ?? []).map(({ key }) => key));
    // Entering with a reason wrote an entry into the tenant's audit, which is there to be read.
    const own = table === "audit_entries" && context === "platform, with a reason" ? 1 : 0;
    const old = keys.filter((key) => known.has(key));
    if (keys.length - old.length !== own) leak(`${keys.length - old.length} rows that nobody made`);
    if (old.toSorted().join() !== wanted.toSorted().join()) leak(`${old.length} rows for ${wanted.length}`);
    else if (met !== wanted.length + own) leak(`${met} rows without RETURNING for ${wanted.length}`);
    else if (wanted.length > 0) count.positives += 1;
  }
  const { denied, letThrough } = await runPartitions(query);
  count.cells += denied + letThrough.length;
  count.leaks.push(...letThrough.map((statement) => `${role}, ${context}: ${statement}`));
  return count;
}

function newRowOf(table: string, name: Name): Row {
  if (newRows.get(table)?.has(name) !== true) throw new RangeError(`no new row of ${table}`);
  return { key: "", tenant: uuid(name), path: null, members: null, live: true, due: false };
}

const enter = async (query: Query, who: Name, target: Name | null, reason: string | null = null) =>
  await query("select ebb.enter($1, $2, $3)", [
    await hashOf(world[who].apiKey),
    target === null ? null : uuid(target),
    reason,
  ]);
const setContext = (query: Query, context: string) => query("select set_config('ebb.context', $1, true)", [context]);
const contextNow = async (query: Query) =>
  String((await query("select current_setting('ebb.context', true) as context"))[0]?.["context"]);
const swapped = (context: string, target: Name) =>
  context
    .split("|")
    .map((part, index) => (index === 3 ? uuid(target) : part))
    .join("|");

/** What a transaction can have done before its first statement, and what that must have opened. */
const CONTEXTS: Record<string, { scope: () => Scope; prepare: (query: Query, again: Again) => Promise<unknown> }> = {
  own: { scope: () => ({ target: uuid("own"), opened: true }), prepare: (query) => enter(query, "own", null) },
  child: { scope: () => ({ target: uuid("child"), opened: true }), prepare: (query) => enter(query, "own", "child") },
  sibling: { scope: () => NOTHING, prepare: (query) => refusedTo(query, "sibling") },
  parent: { scope: () => NOTHING, prepare: (query) => refusedTo(query, "parent") },
  "no context": { scope: () => NOTHING, prepare: async () => undefined },
  "empty context": { scope: () => NOTHING, prepare: (query) => setContext(query, "") },
  "forged: a MAC made up": {
    scope: () => NOTHING,
    prepare: (query) =>
      setContext(
        query,
        ["api-key", crypto.randomUUID(), uuid("sibling"), uuid("sibling"), "t", "a".repeat(64)].join("|"),
      ),
  },
  "forged: of an earlier transaction": {
    scope: () => NOTHING,
    prepare: async (query, { restart }) => {
      await enter(query, "sibling", null);
      const context = await contextNow(query);
      await restart();
      await setContext(query, context);
    },
  },
  "forged: of another connection's transaction": {
    scope: () => NOTHING,
    prepare: async (query, { elsewhere }) => {
      await enter(elsewhere, "sibling", null);
      await setContext(query, await contextNow(elsewhere));
    },
  },
  "forged: the own one with the target swapped": {
    scope: () => NOTHING,
    prepare: async (query) => {
      await enter(query, "own", null);
      await setContext(query, swapped(await contextNow(query), "sibling"));
    },
  },
  "forged: a foreign one with the target swapped": {
    scope: () => NOTHING,
    prepare: async (query, { elsewhere }) => {
      await enter(elsewhere, "sibling", null);
      await enter(query, "own", null);
      await setContext(query, swapped(await contextNow(elsewhere), "own"));
    },
  },
  "platform, without a reason": {
    scope: () => ({ target: uuid("own"), opened: false }),
    prepare: (query) => enter(query, "parent", "own"),
  },
  "platform, with a reason": {
    scope: () => ({ target: uuid("own"), opened: true }),
    prepare: (query) => enter(query, "parent", "own", "a ticket"),
  },
};

interface Again {
  /** Ends the transaction and begins another on the same connection. */
  restart(): Promise<unknown>;
  /** A transaction of another connection that stays open. */
  elsewhere: Query;
}

async function refusedTo(query: Query, target: Name): Promise<void> {
  await query("savepoint before");
  expect(await refusal(enter(query, "own", target))).toBe("EB404");
  await query("rollback to before");
}

/** One context in a transaction of its own; `broken`, as superuser in the same transaction, breaks something first. */
async function inContext(context: string, broken: string | null = null): Promise<Count> {
  const { scope, prepare } = CONTEXTS[context] as (typeof CONTEXTS)[string];
  const query = broken === null ? sessions.app : sessions.superuser;
  const { elsewhere } = sessions;
  await elsewhere("begin");
  await query("begin");
  try {
    if (broken !== null) {
      for (const statement of broken.split("; ")) await query(statement);
      await query("set local role ebb_app");
    }
    await prepare(query, { elsewhere, restart: async () => [await query("rollback"), await query("begin")] });
    return await matrix(query, "ebb_app", scope(), context);
  } finally {
    await query("rollback");
    await elsewhere("rollback");
  }
}

it("every table and partition × command × context: no leak, and every denial has its positive control", async ({
  annotate,
}) => {
  const counts: Count[] = [];
  for (const context of Object.keys(CONTEXTS)) counts.push(await inContext(context));
  const { cells, positives, implied, leaks } = sum(counts);
  expect(leaks).toEqual([]);
  expect(cells).toBe((catalog.tables.length + catalog.partitions) * COMMANDS.length * Object.keys(CONTEXTS).length);
  expect(positives).toBe(implied);
  // In own, child and opened contexts every declared cell met something; without a reason what only administers.
  const reach = (...reaches: Reach[]) =>
    declaredTables().flatMap((table) =>
      COMMANDS.filter((command) => reaches.includes(accessTo("ebb_app", table, command)?.reach as Reach)),
    ).length;
  const data = reach("entered-tenant", "members-of-entered-tenant");
  const administration = reach("entered-target", "entered-subtree");
  const everybodys = reach("unexpired");
  expect([data > 0, administration > 0, everybodys]).toEqual([true, true, 1]);
  expect(implied).toBe(3 * data + 4 * administration + Object.keys(CONTEXTS).length * everybodys);
  const partitioned = declaredTables().filter(({ layout }) => layout.kind === "partitioned");
  expect(catalog.partitions).toBeGreaterThan(5 * partitioned.length);
  expect(catalog.tables).toEqual(
    declaredTables()
      .map(({ table }) => table)
      .toSorted(),
  );
  await annotate(`isolation: ${cells} cells of the database, ${leaks.length} leaks, ${positives} positive controls`);
}, 120_000);

it.each(["ingest", "jobs", "purge"] as const)(
  "ebb_%s reaches what is declared for it alone, forged or not",
  async (login) => {
    const counts = [];
    for (const context of ["no context", "forged: a MAC made up"]) {
      counts.push(
        await database.session(login, async (client) => {
          const query: Query = async (text, params = []) => (await client.query(text, params)).rows;
          await query("begin");
          await CONTEXTS[context]?.prepare(query, { elsewhere: query, restart: async () => undefined });
          return await matrix(query, `ebb_${login}`, NOTHING, context);
        }),
      );
    }
    const { cells, positives, implied, leaks } = sum(counts);
    expect(leaks).toEqual([]);
    expect(cells).toBe((catalog.tables.length + catalog.partitions) * COMMANDS.length * 2);
    expect(positives).toBe(implied);
    expect(implied > 0).toBe(login !== "jobs");
    // They enter nothing: not even with a credential.
    expect(await refusal(database.as(login).query("select ebb.enter($1)", [await hashOf(world.own.apiKey)]))).toBe(
      "42501",
    );
  },
  60_000,
);

it("the matrix reports a policy, a grant, a partition or a table that is broken on purpose", async () => {
  const [leaf] = await database
    .as("owner")
    .query(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'public.pings'::regclass limit 1",
    );
  const of = (table: string, command: string) => `${table}_ebb_app_${command} on public.${table}`;
  const leaks: [context: string, broken: string, leak: RegExp][] = [
    ["no context", `alter policy ${of("instances", "select")} using (true)`, /select instances: \d+ rows for 0/],
    ["own", `alter policy ${of("credentials", "update")} using (true)`, /update credentials: /],
    [
      "child",
      `alter policy ${of("outbox", "insert")} with check (true)`,
      /insert outbox: for own,child,sibling,parent/,
    ],
    ["sibling", `alter policy ${of("tenants", "select")} using (true)`, /select tenants: \d+ rows for 0/],
    ["own", `grant select on ${leaf?.["name"]} to ebb_app`, /select 1 from public\.pings/],
    ["own", `grant delete on ${leaf?.["name"]} to public`, /delete from public\.pings/],
    ["own", "grant select on public.sessions to ebb_app", /select sessions: not refused/],
    ["own", "alter table public.pings disable row level security", /select pings: \d+ rows for/],
    ["own", "create table public.new_one (id uuid); grant select on public.new_one to ebb_app", /select new_one: not/],
    [
      "empty context",
      `create or replace function ebb.tenant() returns uuid language sql stable return '${uuid("sibling")}'::uuid`,
      /select pings: \d+ rows for 0/,
    ],
  ];
  for (const [context, broken, leak] of leaks) {
    expect((await inContext(context, broken)).leaks, broken).toContainEqual(expect.stringMatching(leak));
  }
  // As it was: nothing is left of all that.
  expect((await inContext("own")).leaks).toEqual([]);
});
