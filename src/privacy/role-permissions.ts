import { permissionsOf, ROLES } from "../core/permission.ts";

/**
 * The table of roles and permissions as SQL, so that the database's functions ask the one that the Worker asks; and the
 * trigger that holds whoever makes a key to it (drizzle/0014_entering.sql).
 */
export function rolePermissionsFunction(): string[] {
  const roles = ROLES.map((role) => `when '${role}' then array['${permissionsOf(role).join("', '")}']`);
  return [
    `create or replace function ebb.permissions_of(role text) returns text[] language sql immutable parallel safe set search_path = '' return case role ${roles.join(" ")} else array[]::text[] end`,
    "alter function ebb.permissions_of(text) owner to ebb_maint",
    "create or replace trigger credentials_made before insert on public.credentials for each row execute function ebb.credentials_made()",
  ];
}
