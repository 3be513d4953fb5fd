import type { Query } from "../app-session.ts";
import type { TableOf } from "./ends.ts";

/** Columns that name something of the same tenant, whether a reference says so or not. */
const WITHIN: Record<string, string> = {
  instance_id: "instances",
  workspace_id: "workspaces",
  connection_id: "connections",
};

/** Rows outside their tenant or outside their partition. */
export async function misplacedRows(query: Query, tables: ReadonlyMap<string, TableOf>): Promise<string[]> {
  const questions = [...tables.values()].flatMap(({ name, columns, outlives }) => [
    ...(columns.has("tenant_id")
      ? [
          `select '${name} has rows of a tenant that there is not' as sentence from public.${name} t
            where t.tenant_id is not null and not ${outlives}
              and not exists (select from public.tenants o where o.id = t.tenant_id)`,
          ...Object.entries(WITHIN).flatMap(([column, parent]) =>
            columns.has(column) && name !== parent
              ? [
                  `select '${name} has rows with a ${column} of another tenant' from public.${name} t join public.${parent} p on p.id = t.${column} where p.tenant_id <> t.tenant_id`,
                ]
              : [],
          ),
        ]
      : []),
    ...(columns.has("tenant_id") && columns.has("gate_id")
      ? [
          `select '${name} has rows with the gate of another tenant' from public.${name} t join public.tenants o on o.gate_id = t.gate_id where o.id <> t.tenant_id`,
        ]
      : []),
  ]);
  const rows = await query(
    [
      ...questions,
      `select 'tenants has rows whose path is not their parent''s' from public.tenants t left join public.tenants o on o.id = t.parent_id
        where t.path is distinct from (coalesce(o.path, '{}') || t.id)`,
      `select 'limit_allotments has rows for what is no client of theirs' from public.limit_allotments t join public.tenants o on o.id = t.client_id
        where o.parent_id is distinct from t.tenant_id`,
      `select 'a reference of ' || f.conrelid::regclass || ' is not validated: ' || f.conname from pg_constraint f
        where f.contype = 'f' and f.connamespace = 'public'::regnamespace and not f.convalidated`,
    ].join(" union "),
  );
  return [...rows.map((row) => row["sentence"] as string), ...(await outOfBounds(query))];
}

/** Rows in a partition that is not theirs. */
async function outOfBounds(query: Query): Promise<string[]> {
  const parents = await query(`
    select c.relname as table from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'p'`);
  const questions = parents.map(
    ({ table }) =>
      `select r.partition::text || ' holds rows that expire outside its bounds' as sentence
         from (select tableoid::regclass as partition, min(expires_at) as first, max(expires_at) as last from public.${table} group by 1) r
         join pg_class c on c.oid = r.partition,
              regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') as bounds
        where bounds is null or r.first < bounds[1]::timestamptz or r.last >= bounds[2]::timestamptz`,
  );
  return (await query(questions.join(" union all "))).map((row) => row["sentence"] as string);
}
