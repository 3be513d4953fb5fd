import type { Query } from "./catalog.ts";
import { declaredTables } from "./inventory.ts";

/** What the migrations keep beside data: in these schemas and by these names. */
const INTERNAL: Readonly<Record<string, readonly string[]>> = {
  ebb: ["context_key", "known_policies", "sentinel"],
  drizzle: ["__drizzle_migrations"],
};

const RELATIONS = `
  select n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relispartition as is_partition,
         c.relrowsecurity as enabled, c.relforcerowsecurity as forced, pg_get_userbyid(c.relowner) as owner,
         pg_get_userbyid(d.datdba) as database_owner, pg_get_partkeydef(c.oid) as partition_key,
         pg_get_expr(c.relpartbound, c.oid) as bound, p.relname as parent
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_database d on d.datname = current_database()
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class p on p.oid = i.inhparent
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   order by 1, 2`;

const COLUMNS = `
  select c.relname as table, a.attname as name, a.attnotnull as required
    from pg_attribute a join pg_class c on c.oid = a.attrelid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and a.attnum > 0 and not a.attisdropped
   order by c.relname, a.attnum`;

interface Relation {
  schema: string;
  name: string;
  kind: string;
  is_partition: boolean;
  enabled: boolean;
  forced: boolean;
  owner: string;
  database_owner: string;
  partition_key: string | null;
  bound: string | null;
  parent: string | null;
}

/** Tables, their columns, their row-level security, who owns them and how they are partitioned. */
export async function tableDifferences(query: Query, moreSchemas: readonly string[]): Promise<string[]> {
  const relations = (await query(RELATIONS)) as unknown as Relation[];
  const columns = (await query(COLUMNS)) as unknown as { table: string; name: string; required: boolean }[];
  const declared = declaredTables();
  const known = new Set(declared.map(({ table }) => table));
  const found: string[] = [];
  for (const relation of relations) {
    const { schema, name, kind, parent } = relation;
    if (moreSchemas.includes(schema)) continue;
    if (schema === "public") {
      const partition = relation.is_partition && parent !== null && known.has(parent);
      if (!partition && (!known.has(name) || !"rp".includes(kind))) found.push(`public.${name} is not declared.`);
      else found.push(...protection(relation));
      if (relation.bound === "DEFAULT")
        found.push(`public.${name} is a default partition: nothing would forget its rows.`);
    } else if (!INTERNAL[schema]?.includes(name)) found.push(`${schema}.${name} is in no schema for data.`);
  }
  for (const { table, layout, columns: wanted } of declared) {
    const relation = relations.find(({ schema, name }) => schema === "public" && name === table);
    if (relation === undefined) {
      found.push(`public.${table} is declared but does not exist.`);
      continue;
    }
    const key = layout.kind === "partitioned" ? "RANGE (expires_at)" : null;
    if (relation.partition_key !== key) {
      found.push(
        `public.${table} is partitioned by ${relation.partition_key ?? "nothing"}, not by ${key ?? "nothing"}.`,
      );
    }
    const owner = layout.kind === "partitioned" ? "ebb_maint" : relation.database_owner;
    if (relation.owner !== owner) found.push(`public.${table} belongs to ${relation.owner}, not to ${owner}.`);
    const there = columns.filter((column) => column.table === table);
    for (const { name, required } of there) {
      if (!Object.hasOwn(wanted, name)) found.push(`public.${table}.${name} is not declared.`);
      if (name === "expires_at" && !required) found.push(`public.${table}.expires_at may be null.`);
    }
    for (const name of Object.keys(wanted)) {
      if (!there.some((column) => column.name === name)) {
        found.push(`public.${table}.${name} is declared but does not exist.`);
      }
    }
  }
  return found;
}

function protection({ name, enabled, forced, is_partition, owner }: Relation): string[] {
  return [
    ...(enabled ? [] : [`public.${name} has row-level security disabled.`]),
    ...(forced ? [] : [`public.${name} does not force row-level security on its owner.`]),
    ...(is_partition && owner !== "ebb_maint" ? [`public.${name} belongs to ${owner}, not to ebb_maint.`] : []),
  ];
}
