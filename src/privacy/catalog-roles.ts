import type { Query } from "./catalog.ts";

const ROLES = { ebb_app: true, ebb_ingest: true, ebb_purge: true, ebb_jobs: true, ebb_maint: false } as const;

const ATTRIBUTES = `
  select rolname::text as name, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin
    from pg_roles
   where rolname ~ '^ebb_' and oid <> (select datdba from pg_database where datname = current_database())
   order by 1`;

const MEMBERS = `
  select m.member::regrole::text as member, m.roleid::regrole::text as role
    from pg_auth_members m join pg_roles member on member.oid = m.member
   where (m.member::regrole::text = any ($1) or m.roleid::regrole::text = any ($1)) and not member.rolsuper
     and m.member <> (select datdba from pg_database where datname = current_database())`;

/** What the roles that sign in own here: nothing, or they could switch its policies off. */
const OWNED = `
  select s.refobjid::regrole::text as role, pg_describe_object(s.classid, s.objid, s.objsubid) as what
    from pg_shdepend s
   where s.refclassid = 'pg_authid'::regclass and s.deptype = 'o' and s.refobjid::regrole::text = any ($1)
     and s.dbid in (0, (select oid from pg_database where datname = current_database()))`;

const POWERS = {
  rolsuper: "is a superuser",
  rolbypassrls: "bypasses row-level security",
  rolcreaterole: "may make roles",
  rolcreatedb: "may make databases",
  rolreplication: "may replicate",
} as const;

/** That no role of ours can get round a policy: by an attribute, by a membership, or by owning what it guards. */
export async function roleDifferences(query: Query): Promise<string[]> {
  const names = Object.keys(ROLES);
  const rows = await query(ATTRIBUTES);
  const found = names
    .filter((name) => !rows.some((row) => row["name"] === name))
    .map((name) => `${name} does not exist.`);
  for (const row of rows) {
    const name = row["name"] as string;
    if (!Object.hasOwn(ROLES, name)) {
      found.push(`The role ${name} is not declared.`);
      continue;
    }
    for (const [attribute, power] of Object.entries(POWERS)) {
      if (row[attribute] !== false) found.push(`${name} ${power}.`);
    }
    const logsIn = ROLES[name as keyof typeof ROLES];
    if (row["rolcanlogin"] !== logsIn) found.push(`${name} ${logsIn ? "cannot log in" : "can log in"}.`);
  }
  for (const row of await query(MEMBERS, [names])) found.push(`${row["member"]} is a member of ${row["role"]}.`);
  const workers = names.filter((name) => name !== "ebb_maint");
  for (const row of await query(OWNED, [workers])) found.push(`${row["role"]} owns ${row["what"]}.`);
  return found;
}
