import type { PoolClient } from "@neondatabase/serverless";
import type { ScratchDatabase } from "../scratch-database.ts";
import { KEPT } from "./kept.ts";

/** What roles are asked, as SQL whose every row names a table and the keys of rows of it. */

/** Keys of rows by table. */
export type Keys = Map<string, Set<string>>;

const ROLES = ["app", "ingest", "jobs", "purge"] as const;
/** The columns of each table that a role may read. */
type Columns = ReadonlyMap<string, readonly string[]>;
export type Readable = Record<(typeof ROLES)[number], Columns>;

const COLUMNS = `
  select r.role, c.relname as table, array_agg(quote_ident(a.attname)::text order by a.attnum) as columns
    from unnest($1::text[]) as r (role), pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0
     and not a.attisdropped and has_column_privilege('ebb_' || r.role, c.oid, a.attnum, 'select')
   group by 1, 2 order by 1, 2`;

export async function readableColumns(database: Pick<ScratchDatabase, "as">): Promise<Readable> {
  const rows = await database.as("owner").query(COLUMNS, [`{${ROLES.join(",")}}`]);
  const byRole = Map.groupBy(rows, (row) => row["role"] as string);
  const of = (role: (typeof ROLES)[number]): Columns =>
    new Map((byRole.get(role) ?? []).map((row) => [row["table"] as string, row["columns"] as string[]]));
  return { app: of("app"), ingest: of("ingest"), jobs: of("jobs"), purge: of("purge") };
}

/** Sends statements at once and gives the keys that each answers. */
export async function ask(client: PoolClient, statements: readonly string[]): Promise<Keys[]> {
  const results = (await client.query(statements.join(";\n"))) as unknown as { rows: Record<string, unknown>[] }[];
  return [results]
    .flat()
    .map(({ rows }) => new Map(rows.map((row) => [String(row["table"]), new Set((row["keys"] ?? []) as string[])])));
}

/** Reads every column that may be read. */
export function reading(columns: Columns): string {
  return KEPT.flatMap(({ table, key }) => {
    const names = columns.get(table);
    if (names === undefined) return [];
    const read = `octet_length(row(${names.join(", ")})::text) > 0`;
    return [`select '${table}' as table, array(select ${key} from public.${table} where ${read}) as keys`];
  }).join(" union all ");
}

/** Keys of the rows for which a condition holds. */
export const keysWhere = (table: string, condition: string): string => {
  const key = KEPT.find((kept) => kept.table === table)?.key;
  return `select '${table}' as table, array(select ${key} from public.${table} where ${condition}) as keys`;
};

const deleted = (table: string, key: string, condition: string) =>
  `with gone as (delete from public.${table} where ${condition} returning ${key} as key)
   select '${table}' as table, array_agg(key) as keys from gone`;

/** Deletes whatever can be deleted, children first, but for these people, to whom something refers. */
export const deleting = (referred: readonly string[]): string[] =>
  KEPT.map(({ table, key }) =>
    deleted(table, key, table === "people" ? `id <> all ('{${referred.join(",")}}')` : "true"),
  );

export const ANONYMISING = `
  with done as (update public.website_visits set anonymised_at = ebb.clock() returning id::text as key)
  select 'website_visits' as table, array_agg(key) as keys from done`;

const RUN = "00000000-0000-4000-8000-000000000001";

/** The same as the purge does it; the one key says how many rows it deleted or anonymised. */
export const IN_BATCHES: readonly string[] = KEPT.filter(({ table }) => table !== "people").map(
  ({ table }) =>
    `select '${table}' as table, array[coalesce(sum(b.done), 0)::text] as keys
       from ebb.begin_purge('${RUN}', 'public.${table}') s,
            lateral ebb.purge_batch('${RUN}', 'public.${table}', s.which, s.tenant, null, 10000) b`,
);
