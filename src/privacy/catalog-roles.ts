import type { Query } from "./catalog.ts";

const ROLES = { ebb_app: true, ebb_ingest: true, ebb_purge: true, ebb_jobs: true, ebb_maint: false } as const;

/** The owner of the database, and who asks: they made the roles, and may act as them. */
const OWNERS =
  "(select datdba from pg_database where datname = current_database() union select current_user::regrole::oid)";

const ATTRIBUTES = `
  select rolname::text as name, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin
    from pg_roles
   where rolname = any ($1)
   order by 1`;

const OTHERS = `
  select format('The role %s is not declared.', rolname) as sentence
    from pg_roles
   where rolname ~ '^ebb_' and rolname <> all ($1) and oid not in ${OWNERS}
   order by 1`;

const MEMBERS = `
  select m.member::regrole::text as member, m.roleid::regrole::text as role
    from pg_auth_members m join pg_roles member on member.oid = m.member
   where (m.member::regrole::text = any ($1) or m.roleid::regrole::text = any ($1)) and not member.rolsuper
     and m.member not in ${OWNERS}`;

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

/** Roles of our name that nobody declared. A deployment may have some: for dumps, for people. */
export async function otherRoles(query: Query): Promise<string[]> {
  return (await query(OTHERS, [Object.keys(ROLES)])).map((row) => row["sentence"] as string);
}

/** That no role of ours can get round a policy: by an attribute, by a membership, or by owning what it guards. */
export async function roleDifferences(query: Query): Promise<string[]> {
  const names = Object.keys(ROLES);
  const rows = await query(ATTRIBUTES, [names]);
  const found: string[] = [];
  for (const [name, logsIn] of Object.entries(ROLES)) {
    const row = rows.find((candidate) => candidate["name"] === name);
    if (row === undefined) {
      found.push(`${name} does not exist.`);
      continue;
    }
    for (const [attribute, power] of Object.entries(POWERS)) {
      if (row[attribute] !== false) found.push(`${name} ${power}.`);
    }
    if (row["rolcanlogin"] !== logsIn) found.push(`${name} ${logsIn ? "cannot log in" : "can log in"}.`);
  }
  for (const row of await query(MEMBERS, [names])) found.push(`${row["member"]} is a member of ${row["role"]}.`);
  const workers = names.filter((name) => name !== "ebb_maint");
  for (const row of await query(OWNED, [workers])) found.push(`${row["role"]} owns ${row["what"]}.`);
  return found;
}
