/**
 * Whether the role of this connection could get round a policy: superuser, BYPASSRLS, owner of anything, or a member of
 * another role. Neon's own roles can; the account routes must not be served with one of them.
 */
export const ROLE_COULD_BYPASS = `
  select r.rolsuper or r.rolbypassrls or r.rolcreaterole
      or exists (select from pg_catalog.pg_class c where c.relowner = r.oid)
      or exists (select from pg_catalog.pg_proc p where p.proowner = r.oid)
      or exists (select from pg_catalog.pg_auth_members m where m.member = r.oid) as could_bypass
    from pg_catalog.pg_roles r where r.rolname = current_user`;
