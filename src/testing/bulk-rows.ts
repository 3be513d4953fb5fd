import type { ScratchDatabase } from "./scratch-database.ts";

/** Values by their SQL columns, as JSON holds them; a column that is not named here is filled in. */
export type Values = Record<string, string | number | boolean | null | readonly string[]>;

export interface Column {
  name: string;
  type: string;
  required: boolean;
  defaulted: boolean;
  refers: boolean;
}

const COLUMNS = `
  select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type, a.attnotnull as required,
         a.atthasdef or a.attidentity <> '' as defaulted,
         exists (select from pg_constraint f where f.conrelid = c.oid and f.contype = 'f' and a.attnum = any (f.conkey)) as refers
    from pg_attribute a join pg_class c on c.oid = a.attrelid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and a.attnum > 0 and not a.attisdropped
   order by c.relname, a.attnum`;

/** The columns of each table, from the catalog. */
export async function columnsByTable(database: Pick<ScratchDatabase, "as">): Promise<ReadonlyMap<string, Column[]>> {
  const rows = await database.as("owner").query(COLUMNS);
  return Map.groupBy(rows as unknown as (Column & { table: string })[], ({ table }) => table);
}

/**
 * Inserts rows of any table as the owner, hundreds at once. Whatever has content is filled in, so that there is something
 * to read in every column; what says when a row ends, or whom it refers to, is left to whoever asks.
 */
export async function bulkRows(
  database: Pick<ScratchDatabase, "as">,
): Promise<(table: string, rows: readonly Values[]) => Promise<void>> {
  const owner = database.as("owner");
  const columns = await columnsByTable(database);
  return async (table, rows) => {
    const given = new Set(rows.flatMap((row) => Object.keys(row)));
    const parts = (columns.get(table) ?? []).flatMap((column): [string, string][] => {
      const left = column.defaulted || (!column.required && (column.refers || column.type.startsWith("timestamp")));
      if (given.has(column.name))
        return [[column.name, `coalesce(r.${column.name}, ${left ? "null" : filler(column)})`]];
      return left ? [] : [[column.name, filler(column)]];
    });
    if (rows.length === 0 || parts.length === 0) return;
    await owner.query(
      `insert into public.${table} (${parts.map(([name]) => name).join(", ")}) overriding system value
       select ${parts.map(([, expression]) => expression).join(", ")}
         from jsonb_populate_recordset(null::public.${table}, $1) with ordinality as r`,
      [JSON.stringify(rows)],
    );
  };
}

/** SQL for a value that means nothing. */
export function filler({ name, type }: Pick<Column, "name" | "type">): string {
  switch (type) {
    case "uuid":
      // Whoever another tenant vouches for belongs to no other, and what a stranger's has made has ended.
      return ["provider_tenant_id", "maker_tenant_id"].includes(name) ? "null" : "gen_random_uuid()";
    case "bytea":
      return "sha256(uuid_send(gen_random_uuid()))";
    case "text":
      // A language has subtags.
      return name === "language" ? "'de-AT'" : "gen_random_uuid()::text";
    case "timestamp with time zone":
      return "'2000-01-01T00:00:00Z'::timestamptz";
    case "integer":
    case "bigint":
    case "double precision":
      // At least ten: a smaller group is not counted at all.
      return "10";
    case "boolean":
      return "false";
    case "jsonb":
      return `'{"kind": "test"}'`;
    default:
      if (type.endsWith("[]")) return "'{}'";
      throw new RangeError(`no filler for ${type}`);
  }
}
