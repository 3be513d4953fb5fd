import type { PoolClient } from "@neondatabase/serverless";
import { declaredTables } from "../privacy/inventory.ts";
import type { Query } from "./app-session.ts";
import { endOf, heldBy, isPast, type TableOf, tablesOf } from "./invariants/ends.ts";
import type { Ledger } from "./invariants/ledger.ts";
import { misplacedRows } from "./invariants/places.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

export { type Ledger, ledgerOf } from "./invariants/ledger.ts";

/**
 * What must hold after every scenario: nothing that has ended is readable by any role but the owner, nothing that has not
 * is missing, the inventory is complete, no row lies outside its tenant or its partition. Tables, columns and privileges
 * come from the catalog, ends from arithmetic of its own: a policy, a grant or a table that nobody declared shows too.
 */
export interface Expectation {
  /** What was there before. Without one, rows that are missing altogether do not show. */
  ledger?: Ledger;
}

/** Throws, with a sentence for each invariant that does not hold. Leaves the database's clock stopped where it was. */
export async function checkInvariants(database: ScratchDatabase, expectation: Expectation = {}): Promise<void> {
  const broken = await brokenInvariants(database, expectation);
  if (broken.length > 0) throw new Error(`invariants that do not hold:\n${broken.join("\n")}`);
}

export async function brokenInvariants(database: ScratchDatabase, expectation: Expectation = {}): Promise<string[]> {
  return await database.session("owner", async (client) => {
    const query: Query = async (text, params) => (await client.query(text, params)).rows;
    await query("set timezone = 'UTC'");
    const [clock] = await query("select ebb.clock()::text as now");
    const now = `'${clock?.["now"]}'::timestamptz`;
    await database.stopClock(clock?.["now"] as string);
    const tables = await tablesOf(query);
    return [
      ...(await undeclared(query)),
      ...(await readable(database, query, tables, now)),
      ...(await misplacedRows(query, tables)),
      ...((await expectation.ledger?.missing(query, now)) ?? []),
    ];
  });
}

/** What migrations and tests keep beside data. */
const INTERNAL = [
  "drizzle.__drizzle_migrations",
  "ebb.context_key",
  "ebb.known_policies",
  "ebb.sentinel",
  "ebb_test.clock",
];

/** Columns of whatever holds rows, in any schema; partitions have those of their tables. */
const COLUMNS = `
  select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname as relation, a.attname as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
     and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

/** Every table and column that there is stands in the inventory, and every one in it is there. */
async function undeclared(query: Query): Promise<string[]> {
  const rows = (await query(COLUMNS)).filter((row) => !INTERNAL.includes(row["relation"] as string));
  const there = new Set(rows.map((row) => `${row["relation"]}.${row["name"]}`));
  const declared = new Set(
    declaredTables().flatMap(({ table, columns }) => Object.keys(columns).map((column) => `${table}.${column}`)),
  );
  return [
    ...[...there].filter((name) => !declared.has(name)).map((name) => `${name} is not in the inventory`),
    ...[...declared].filter((name) => !there.has(name)).map((name) => `${name} of the inventory is not there`),
  ];
}

const LOGINS = ["app", "ingest", "purge", "jobs"] as const;
type Login = (typeof LOGINS)[number];

/** Whatever can be read from: partitions and views, too. */
const GRANTED = `
  select r.role, c.relname as relation, string_agg(format('t.%I', a.attname), ', ' order by a.attnum) as columns
    from unnest($1::text[]) as r (role), pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0
     and not a.attisdropped and has_column_privilege('ebb_' || r.role, c.oid, a.attnum, 'select')
   group by 1, 2`;

interface Granted {
  role: Login;
  relation: string;
  columns: string;
}

/** The rows of each relation, as text. */
type Seen = Map<string, string[]>;

async function readable(
  database: ScratchDatabase,
  owner: Query,
  tables: ReadonlyMap<string, TableOf>,
  now: string,
): Promise<string[]> {
  const granted = (await owner(GRANTED, [`{${LOGINS.join(",")}}`])) as unknown as Granted[];
  const expected = (role: Login, condition: (table: TableOf) => string): string =>
    reading(granted, role, ({ relation }) => {
      const table = tables.get(relation);
      return table === undefined ? "false" : condition(table);
    });
  const lives = (table: TableOf) => `not (${isPast(table, now)})`;
  const found: string[] = [];
  const compare = (who: string, got: Seen, wanted: Seen) => found.push(...differences(who, got, wanted));

  await database.session("app", async (client) => {
    await client.query("set timezone = 'UTC'");
    const text = reading(granted, "app", ({ relation }) =>
      relation === "audit_entries" ? `t.request_id <> '${LOOKING}'` : "true",
    );
    const nobodys = expected("app", (table) => (table.name === "purge_receipts" ? lives(table) : "false"));
    compare("ebb_app reads without entering", await rowsOf(client, text), await ownRows(owner, nobodys));
    for (const tenant of await owner(ENTRANCES)) {
      await client.query("begin");
      const id = tenant["id"] as string;
      // Whoever cannot enter it reads nothing of it.
      if (await enters(client, id, tenant["hashes"] as string[])) {
        const theirs = expected("app", (table) => `${lives(table)} and ${isOf(table, tables, id, now)}`);
        compare(`ebb_app in ${id} reads`, await rowsOf(client, text), await ownRows(owner, theirs));
      }
      await client.query("rollback");
    }
  });
  const others: [Login, (table: TableOf) => string][] = [
    ["ingest", (table) => (table.name === "instances" ? `${lives(table)} and removed_at is null` : "false")],
    ["jobs", () => "false"],
    ["purge", (table) => `(${isPast(table, now)} or ${table.stale(now)}) and not ${heldBy(table, now)}`],
  ];
  for (const [role, condition] of others) {
    await database.session(role, async (client) => {
      await client.query("set timezone = 'UTC'");
      const got = await rowsOf(
        client,
        reading(granted, role, () => "true"),
      );
      compare(`ebb_${role} reads`, got, await ownRows(owner, expected(role, condition)));
    });
  }
  return found;
}

/** Credentials with which somebody might enter each tenant: its own, and those of what is above it. */
const ENTRANCES = `
  select t.id, array(select encode(c.secret_hash, 'hex')
                       from (select tenant_id, secret_hash from public.credentials where kind = 'api-key'
                             union all select tenant_id, secret_hash from public.registration_keys) c
                      where c.tenant_id = any (t.path)) as hashes
    from public.tenants t`;

/** Why the checker opens a tenant: what that leaves in the audit goes with its transaction. */
const LOOKING = "invariants";

async function enters(client: PoolClient, tenant: string, hashes: readonly string[]): Promise<boolean> {
  for (const hash of hashes) {
    await client.query("savepoint entering");
    try {
      await client.query("select ebb.enter($1, $2, $3, $3)", [`\\x${hash}`, tenant, LOOKING]);
      return true;
    } catch {
      await client.query("rollback to savepoint entering");
    }
  }
  return false;
}

/** Whether a row is there for whoever has entered a tenant. */
function isOf(table: TableOf, tables: ReadonlyMap<string, TableOf>, tenant: string, now: string): string {
  const memberships = tables.get("memberships");
  if (table.name === "tenants") return `'${tenant}' = any (t.path)`;
  if (table.name === "purge_receipts") return "true";
  if (table.name === "people" && memberships !== undefined) {
    return `t.id in (select m.person_id from public.memberships m where m.tenant_id = '${tenant}' and ${endOf(memberships, now, "m")} > ${now})`;
  }
  return table.columns.has("tenant_id") ? `t.tenant_id = '${tenant}'` : "false";
}

/** Every column that a role may read of every relation, where a condition holds; `false`: of nothing there. */
function reading(granted: readonly Granted[], role: Login, condition: (granted: Granted) => string): string {
  return granted
    .filter((one) => one.role === role && condition(one) !== "false")
    .map(
      (one) =>
        `select '${one.relation}' as relation, row(${one.columns})::text as row from public.${one.relation} t where ${condition(one)}`,
    )
    .join(" union all ");
}

async function rowsOf(client: PoolClient, text: string): Promise<Seen> {
  return text === "" ? new Map() : seenOf((await client.query(text)).rows);
}

async function ownRows(owner: Query, text: string): Promise<Seen> {
  return text === "" ? new Map() : seenOf(await owner(text));
}

function seenOf(rows: readonly Record<string, unknown>[]): Seen {
  const byRelation = Map.groupBy(rows, (row) => row["relation"] as string);
  return new Map([...byRelation].map(([relation, all]) => [relation, all.map((row) => row["row"] as string).sort()]));
}

function differences(who: string, got: Seen, wanted: Seen): string[] {
  return [...new Set([...got.keys(), ...wanted.keys()])].flatMap((relation) => {
    const [seen, expected] = [got.get(relation) ?? [], wanted.get(relation) ?? []];
    const [more, fewer] = [without(seen, expected), without(expected, seen)];
    return [
      ...(more.length > 0 ? [`${who} ${more.length} rows of ${relation} that it should not: ${more[0]}`] : []),
      ...(fewer.length > 0 ? [`${who} not ${fewer.length} rows of ${relation} that it should: ${fewer[0]}`] : []),
    ];
  });
}

/** Those of the one that are not in the other, as often as they are not. */
function without(these: readonly string[], those: readonly string[]): string[] {
  const left = Map.groupBy(those, (row) => row);
  return these.filter((row) => left.get(row)?.pop() === undefined);
}
