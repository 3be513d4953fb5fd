import type { Access, Role } from "../privacy/declaration.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { accessOf } from "../privacy/policies.ts";
import type { Query } from "./app-session.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

export const COMMANDS = ["select", "insert", "update", "delete"] as const;
export type Command = (typeof COMMANDS)[number];

/** One table and command: what is tried, and what came of it. */
export interface Outcome {
  table: string;
  command: Command;
  /** The SQLSTATE of the first refusal; null where every statement ran. */
  state: string | null;
  /** Rows that the statement says it met. */
  met: number;
  /** Keys of those rows; of an insert the tenants for which it was let through. */
  keys: string[];
}

interface Cell {
  table: string;
  command: Command;
  /** Each is tried by itself: what it is called, the statement, and a query for the keys of the rows that it meets. */
  tries: { name: string | null; run: string; keys: string | null }[];
}

/** A tenant's rows of each table that lets `ebb_app` insert, as JSON by tenant: a copy of one that is there, made new. */
export type NewRows = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Undoes a statement that was let through, so that the next finds what this one found. */
const UNDONE = "EBUND";

/** Runs every cell in the transaction that is open, as whoever and whatever it has entered, and undoes each. */
const RUN_CELLS = `do $cells$
declare
  cell jsonb; try jsonb; state text; met bigint; total bigint; found jsonb; keys jsonb; results jsonb := '[]';
begin
  for cell in select * from pg_catalog.jsonb_array_elements(pg_catalog.current_setting('matrix.cells')::jsonb) loop
    state := null; total := 0; keys := '[]';
    for try in select * from pg_catalog.jsonb_array_elements(cell->'tries') loop
      begin
        execute try->>'run';
        get diagnostics met = row_count;
        total := total + met;
        if try->>'name' is not null and met > 0 then keys := keys || pg_catalog.jsonb_build_array(try->>'name'); end if;
        raise exception 'undone' using errcode = '${UNDONE}';
      exception when others then
        if sqlstate <> '${UNDONE}' then state := coalesce(state, sqlstate); end if;
      end;
      if try->>'keys' is not null and state is null then
        begin
          execute try->>'keys' into found;
          keys := keys || coalesce(found, '[]');
          raise exception 'undone' using errcode = '${UNDONE}';
        exception when others then
          if sqlstate <> '${UNDONE}' then state := coalesce(state, sqlstate); end if;
        end;
      end if;
    end loop;
    results := results || pg_catalog.jsonb_build_object('table', cell->'table', 'command', cell->'command',
      'state', state, 'met', total, 'keys', keys);
  end loop;
  perform pg_catalog.set_config('matrix.results', results::text, true);
end $cells$`;

/** Every partition of schema public with every command: how many refusals there were, and what was not refused. */
const RUN_PARTITIONS = `do $cells$
declare
  leaf text; statement text; state text; denied bigint := 0; let_through jsonb := '[]';
begin
  for leaf in select c.relname from pg_catalog.pg_class c
               where c.relnamespace = 'public'::regnamespace and c.relispartition and c.relkind in ('r', 'p') order by 1 loop
    foreach statement in array array['select 1 from public.%I', 'insert into public.%I default values',
                                     'update public.%I set expires_at = null', 'delete from public.%I'] loop
      state := null;
      begin
        execute pg_catalog.format(statement, leaf);
        raise exception 'undone' using errcode = '${UNDONE}';
      exception when others then state := sqlstate;
      end;
      if state = '42501' then denied := denied + 1;
      else let_through := let_through || pg_catalog.jsonb_build_array(pg_catalog.format(statement, leaf));
      end if;
    end loop;
  end loop;
  perform pg_catalog.set_config('matrix.results',
    pg_catalog.jsonb_build_object('denied', denied, 'letThrough', let_through)::text, true);
end $cells$`;

/** Runs the cells of a role over every table. */
export async function runCells(query: Query, cells: readonly Cell[]): Promise<Outcome[]> {
  await query("select set_config('matrix.cells', $1, true)", [JSON.stringify(cells)]);
  await query(RUN_CELLS);
  return (await results(query)) as Outcome[];
}

export async function runPartitions(query: Query): Promise<{ denied: number; letThrough: string[] }> {
  await query(RUN_PARTITIONS);
  return (await results(query)) as { denied: number; letThrough: string[] };
}

async function results(query: Query): Promise<unknown> {
  return JSON.parse(String((await query("select current_setting('matrix.results') as results"))[0]?.["results"]));
}

/** What a role is declared to do with a table by a command; undefined: nothing. */
export function accessTo(role: Role, table: DeclaredTable, command: Command): Access | undefined {
  return accessOf(table).find(([who, access]) => who === role && access.command === command)?.[1];
}

/** A row's key as one text, as the catalog's tests compare them. */
export function keyOf({ key }: DeclaredTable): string {
  return `concat_ws('|', ${key.join(", ")})`;
}

/** Every table × command for a role, with the columns that it was given where it was, and all of them where it was not. */
export async function cellsOf(
  database: Pick<ScratchDatabase, "as">,
  role: Role,
  tables: readonly string[],
  newRows: NewRows,
): Promise<Cell[]> {
  const types = await database.as("owner").query(
    `select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type from pg_attribute a
       join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped`,
  );
  const typeOf = new Map(types.map((row) => [`${row["table"]}.${row["name"]}`, String(row["type"])]));
  return tables.flatMap((table) => {
    const declared = declaredTables().find((candidate) => candidate.table === table);
    return COMMANDS.map((command): Cell => {
      const access = declared && accessTo(role, declared, command);
      // Not declared, and so tried as a whole: a table that nobody declared yet is denied too.
      if (declared === undefined || access === undefined) {
        return { table, command, tries: [{ name: null, run: undeclared(command, table), keys: null }] };
      }
      const key = keyOf(declared);
      const list = (from: string) => `select jsonb_agg(k) from (select ${key} as k from ${from}) as s`;
      if (command === "select") {
        const all = `select ${key} from public.${table}`;
        return { table, command, tries: [{ name: null, run: all, keys: list(`public.${table}`) }] };
      }
      if (command === "insert") {
        const rows = newRows.get(table) ?? new Map<string, string>();
        const tries = [...rows].map(([tenant, row]) => ({ name: tenant, run: insertion(table, row), keys: null }));
        return { table, command, tries };
      }
      const column = access.columns?.[0] ?? "expires_at";
      const run =
        command === "delete"
          ? `delete from public.${table}`
          : `update public.${table} set ${column} = ${constant(typeOf.get(`${table}.${column}`))}`;
      const keys = `with met as (${run} returning ${declared.key.join(", ")}) ${list("met")}`;
      return { table, command, tries: [{ name: null, run, keys }] };
    });
  });
}

function undeclared(command: Command, table: string): string {
  switch (command) {
    case "select":
      return `select 1 from public.${table}`;
    case "insert":
      return `insert into public.${table} default values`;
    case "update":
      return `update public.${table} set expires_at = null`;
    case "delete":
      return `delete from public.${table}`;
  }
}

function insertion(table: string, row: string): string {
  const columns = Object.keys(JSON.parse(row) as object).join(", ");
  const literal = `'${row.replaceAll("'", "''")}'`;
  return `insert into public.${table} (${columns}) select ${columns} from jsonb_populate_record(null::public.${table}, ${literal})`;
}

function constant(type: string | undefined): string {
  switch (type) {
    case "text":
      return "'changed'";
    case "integer":
    case "bigint":
      return "99";
    default:
      return "ebb.clock()";
  }
}

/** A new row of each of these tables for each tenant, copied from one that the tenant has. */
export async function newRowsOf(
  database: Pick<ScratchDatabase, "as">,
  tables: readonly string[],
  tenants: Readonly<Record<string, string>>,
): Promise<NewRows> {
  const rows = new Map<string, Map<string, string>>();
  for (const table of tables) {
    const generated = await database
      .as("owner")
      .query(`select attname as name from pg_attribute where attrelid = $1::regclass and attidentity <> ''`, [
        `public.${table}`,
      ]);
    const byTenant = new Map<string, string>();
    for (const [name, tenant] of Object.entries(tenants)) {
      const [found] = await database
        .as("owner")
        .query(
          `select to_jsonb(t) as row from public.${table} t where tenant_id = $1 order by expires_at desc limit 1`,
          [tenant],
        );
      const row = { ...(found?.["row"] as Record<string, unknown>) };
      for (const { name: column } of generated) delete row[column as string];
      for (const column of ["id", "client_id", "issuer", "key"]) {
        if (typeof row[column] === "string") row[column] = crypto.randomUUID();
      }
      // Of keys and tokens their maker's own bounds decide besides (ebb.credentials_made).
      if (table === "credentials") row["kind"] = "client-secret";
      // Where there is no id an instance is part of the key.
      if (!("id" in row) && "instance_id" in row) row["instance_id"] = crypto.randomUUID();
      for (const column of ["secret_hash", "code_hash"]) {
        if (column in row) row[column] = `\\x${crypto.randomUUID().replaceAll("-", "").repeat(2)}`;
      }
      byTenant.set(name, JSON.stringify(row));
    }
    rows.set(table, byTenant);
  }
  return rows;
}
