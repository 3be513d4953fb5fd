import type { Query } from "./catalog.ts";
import { declaredTables } from "./inventory.ts";
import { grantsOf } from "./policies.ts";

/** What a role other than the owner may do: with tables, columns, sequences, schemas and the database itself. */
const PRIVILEGES = `
  select case x.grantee when 0 then 'PUBLIC' else pg_get_userbyid(x.grantee) end
         || ' may ' || lower(x.privilege_type) || coalesce(' (' || o.part || ')', '') || ' on ' || o.name
         || case when x.is_grantable then ' and grant it' else '' end as may
    from (
      select n.nspname, format('%s.%s', n.nspname, c.relname) as name, null as part, c.relowner as owner,
             coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner)) as acl
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      union all
      select n.nspname, format('%s.%s', n.nspname, c.relname), a.attname, c.relowner, a.attacl
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       where a.attacl is not null
      union all
      select n.nspname, 'schema ' || n.nspname, null, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
        from pg_namespace n
      union all
      select '', 'the database', null, d.datdba, coalesce(d.datacl, acldefault('d', d.datdba))
        from pg_database d where d.datname = current_database()
    ) as o, aclexplode(o.acl) as x
   where x.grantee <> o.owner and o.nspname !~ '^pg_' and o.nspname <> 'information_schema'
     and o.nspname <> all ($1::text[])
   order by 1`;

const DEFAULTS = `
  select format('Whatever %s makes is from then on open to %s: default privileges say so.', pg_get_userbyid(d.defaclrole),
           case x.grantee when 0 then 'PUBLIC' else pg_get_userbyid(x.grantee) end) as sentence
    from pg_default_acl d, aclexplode(d.defaclacl) x
   where x.grantee <> d.defaclrole`;

const WORKERS = ["ebb_app", "ebb_ingest", "ebb_purge", "ebb_jobs"];

/** What holds beside the inventory: …_roles_and_clock.sql says why. */
const SURROUNDINGS: readonly string[] = [
  ...[...WORKERS, "ebb_maint"].flatMap((role) => [
    `${role} may usage on schema public`,
    `${role} may usage on schema ebb`,
  ]),
  "ebb_maint may create on schema public",
  "ebb_maint may create on schema ebb",
  "PUBLIC may connect on the database",
];

/** Privileges of every role, PUBLIC included, on everything but functions. */
export async function privilegeDifferences(query: Query, moreSchemas: readonly string[]): Promise<string[]> {
  const rows = await query(PRIVILEGES, [moreSchemas]);
  const live = new Set(rows.map((row) => row["may"] as string));
  const declared = new Set([...SURROUNDINGS, ...declaredPrivileges()]);
  return [
    ...[...live].filter((may) => !declared.has(may)).map((may) => `${may}, which is not declared.`),
    ...[...declared].filter((may) => !live.has(may)).map((may) => `${may.replace(" may ", " may not ")}, but should.`),
    ...(await query(DEFAULTS)).map((row) => row["sentence"] as string),
  ];
}

function declaredPrivileges(): string[] {
  return declaredTables().flatMap((table) =>
    grantsOf(table)
      // The owner of a partitioned table needs no grant.
      .filter(({ role }) => !(table.layout.kind === "partitioned" && role === "ebb_maint"))
      .flatMap(({ role, command, columns }) =>
        (columns ?? [null]).map(
          (column) => `${role} may ${command}${column === null ? "" : ` (${column})`} on public.${table.table}`,
        ),
      ),
  );
}
