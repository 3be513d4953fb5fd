import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

/** A column as the catalog knows it: what a row of any table is made from, one that is declared tomorrow included. */
interface Column {
  name: string;
  type: string;
  required: boolean;
  /** The table that it refers to. */
  refers: string | null;
}

export interface RowMaker {
  /**
   * Inserts rows as the owner, anchored at this instant (as Postgres reads it; null: the anchor has not happened). Of
   * several, each is anchored a microsecond before the last, but for those of one bucket.
   */
  add(table: string, anchorAt: string | null, values?: Record<string, unknown>, count?: number): Promise<void>;
}

const COLUMNS = `
  select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type,
         a.attnotnull and not a.atthasdef and a.attidentity = '' as required,
         (select min(f.confrelid::regclass::text) from pg_constraint f
           where f.conrelid = c.oid and f.contype = 'f' and a.attnum = f.conkey[cardinality(f.conkey)]) as refers
    from pg_attribute a join pg_class c on c.oid = a.attrelid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and a.attnum > 0 and not a.attisdropped
   order by c.relname, a.attnum`;

/**
 * Makes rows of any table for this tenant: what must be there is filled in by type, and what refers to another table
 * refers to a row of it that never expires.
 */
export async function rowMaker(database: Pick<ScratchDatabase, "as">, tenant: string): Promise<RowMaker> {
  const owner = database.as("owner");
  const columns = Map.groupBy(await owner.query(COLUMNS), (row) => row["table"] as string);
  const columnsOf = (table: string) => (columns.get(table) ?? []) as unknown as Column[];
  const parents = new Map([["tenants", tenant]]);

  async function parentOf(table: string): Promise<string> {
    const known = parents.get(table);
    if (known !== undefined) return known;
    const id = crypto.randomUUID();
    parents.set(table, id);
    await add(table, null, { id });
    return id;
  }

  async function references(table: string): Promise<Record<string, unknown>> {
    const values: Record<string, unknown> = {};
    for (const { name, refers } of columnsOf(table)) {
      if (name === "tenant_id") values[name] = tenant;
      else if (name === "gate_id") continue;
      else if (refers !== null && refers !== table) values[name] = await parentOf(refers);
    }
    return values;
  }

  async function add(table: string, anchorAt: string | null, given: Record<string, unknown> = {}, count = 1) {
    const declared = declaredTables().find((candidate) => candidate.table === table);
    if (declared === undefined) throw new RangeError(`${table} is not declared`);
    const values = { ...(await references(table)), ...given };
    const params: unknown[] = [anchorAt, count];
    const anchor = `$1::timestamptz${declared.anchor.at === "column" ? " - (n - 1) * interval '1 microsecond'" : ""}`;
    const expressions = columnsOf(table).flatMap(({ name, type, required, refers }): [string, string][] => {
      // A tenant's gate is the one that its own row names.
      if (name === "gate_id" && refers === "tenants" && !(name in values)) {
        return [
          [name, `(select t.gate_id from public.tenants t where t.id = $${params.push(values["tenant_id"])}::uuid)`],
        ];
      }
      // A made-up tenant's gate holds nothing.
      if (table === "tenants" && name === "gate_emptied_at") return [[name, "ebb.clock()"]];
      if (name in values) return [[name, `$${params.push(values[name])}::${type}`]];
      if (name === anchorColumn(declared)) return [[name, "r.anchor"]];
      if (name === "expires_at" && declared.layout.kind === "partitioned") return [[name, expiryOf(declared)]];
      return required ? [[name, filler(table, name, type)]] : [];
    });
    await owner.query(
      `insert into public.${table} (${expressions.map(([name]) => name).join(", ")})
       select ${expressions.map(([, expression]) => expression).join(", ")}
         from generate_series(1, $2::int) as n,
              lateral (select n as number, gen_random_uuid() as made, ${anchor} as anchor) as r`,
      params,
    );
  }

  return { add };
}

function anchorColumn({ anchor }: DeclaredTable): string {
  return anchor.at === "bucket" ? anchor.column : anchor.columns[0];
}

function expiryOf({ table, anchor }: DeclaredTable): string {
  const at = anchor.at === "bucket" ? `date_trunc('${anchor.granularity}', r.anchor, 'UTC')` : "r.anchor";
  return `ebb.${table}_expiry(${at})`;
}

/** An SQL expression for a value that must be there and means nothing. */
function filler(table: string, name: string, type: string): string {
  if (table === "tenants" && name === "path") return "array[r.made]";
  switch (type) {
    case "uuid":
      return "r.made";
    case "bytea":
      return "sha256(uuid_send(r.made))";
    case "text":
      return "r.made::text";
    case "timestamp with time zone":
      return "ebb.clock()";
    case "integer":
    case "bigint":
    case "double precision":
      // At least ten: a smaller group is not counted at all.
      return "n + 9";
    case "boolean":
      return "false";
    case "jsonb":
      return `'{"kind": "test"}'`;
    default:
      if (type.endsWith("[]")) return "'{}'";
      throw new RangeError(`no filler for ${type}`);
  }
}
