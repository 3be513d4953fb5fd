import { sqlStateOf } from "../core/sql-state.ts";
import type { Sql } from "../db/connect.ts";
import type { DeclaredTable } from "../privacy/inventory.ts";

/** Rows that one statement deletes. */
export const BATCH = 1_000;
const FOREIGN_KEY_VIOLATION = "23503";

type Key = Record<string, unknown>;

/**
 * Deletes the expired rows of a table by ranges of its key, a statement and a transaction a range. A row that another
 * one still refers to is passed over: its range is halved until it stands alone, and the run goes on behind it.
 */
export async function purgeRows(
  sql: Sql,
  table: Pick<DeclaredTable, "table" | "key">,
  report: { deleted: number; blocked: number },
  batch = BATCH,
): Promise<void> {
  await sql.query("select ebb.assert_purge_sees($1)", [`public.${table.table}`]);
  let after: Key | null = null;
  let size = batch;
  for (;;) {
    const keys = await expiredKeys(sql, table, after, size);
    const last: Key | undefined = keys.at(-1);
    if (last === undefined) return;
    try {
      report.deleted += await deleteRange(sql, table, after, last);
    } catch (error) {
      if (sqlStateOf(error) !== FOREIGN_KEY_VIOLATION) throw error;
      if (keys.length > 1) {
        size = Math.ceil(keys.length / 2);
        continue;
      }
      report.blocked += 1;
    }
    after = last;
    size = Math.min(batch, size * 2);
  }
}

async function expiredKeys(
  sql: Sql,
  { table, key }: Pick<DeclaredTable, "table" | "key">,
  after: Key | null,
  size: number,
): Promise<Key[]> {
  const columns = key.map((column) => `${column}::text`).join(", ");
  const { text, params } = range(key, after, null);
  return await sql.query(
    `select ${columns} from public.${table} where expires_at <= ebb.clock()${text} order by ${table}.${key.join(`, ${table}.`)} limit ${size}`,
    params,
  );
}

async function deleteRange(
  sql: Sql,
  { table, key }: Pick<DeclaredTable, "table" | "key">,
  after: Key | null,
  last: Key,
): Promise<number> {
  const { text, params } = range(key, after, last);
  const [counted] = await sql.query(
    `with gone as (delete from public.${table} where expires_at <= ebb.clock()${text} returning 1) select count(*)::int as deleted from gone`,
    params,
  );
  return counted?.["deleted"] as number;
}

/** `and (key) > (after) and (key) <= (last)`; parameters are text, cast by the columns that they are compared with. */
function range(key: readonly string[], after: Key | null, last: Key | null): { text: string; params: unknown[] } {
  const params: unknown[] = [];
  const bound = (operator: string, values: Key | null): string => {
    if (values === null) return "";
    const placeholders = key.map((column) => `$${params.push(values[column])}`);
    return ` and (${key.join(", ")}) ${operator} (${placeholders.join(", ")})`;
  };
  return { text: bound(">", after) + bound("<=", last), params };
}
