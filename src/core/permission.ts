/** What a person is in a tenant; `operator`: one of the platform's, in the tenants below it. */
export const ROLES = ["owner", "admin", "member", "operator"] as const;
export type Role = (typeof ROLES)[number];

interface Permitted {
  /** One sentence for the documents. */
  what: string;
  roles: readonly Role[];
  /** Whether it reaches into a tenant's data: an operator of the platform gives a reason for it. */
  opens: boolean;
}

const data = (what: string, ...roles: Role[]): Permitted => ({ what, roles, opens: true });
const administration = (what: string, ...roles: Role[]): Permitted => ({ what, roles, opens: false });

/**
 * Who may do what: the one table of roles and permissions. What a role may do in its tenant it may do in the tenants
 * below; the database alone decides which those are. docs/permissions.md is printed from it.
 */
export const PERMISSION_TABLE = {
  "instances:register": data("Register an instance (registration keys alone)."),
  "instances:read": data("See instances.", "owner", "admin", "member", "operator"),
  "instances:write": data("Rename instances, move them between workspaces, end their sign-ins.", "owner", "admin"),
  "instances:delete": data("Revoke and remove instances.", "owner", "admin"),
  "instance:claim": data("Claim an instance into a workspace.", "owner", "admin", "member"),
  "device:approve": data("Approve and deny sign-ins on instances.", "owner", "admin", "member"),
  "workspaces:read": data("See workspaces.", "owner", "admin", "member", "operator"),
  "workspaces:write": data("Make, change and remove workspaces.", "owner", "admin"),
  "pings:read": data("See the pings of instances.", "owner", "admin", "member", "operator"),
  "registration-keys:read": data("See registration keys.", "owner", "admin", "operator"),
  "registration-keys:write": data("Make and revoke registration keys.", "owner", "admin"),
  "keys:read": data("See API keys.", "owner", "admin", "operator"),
  "keys:write": data(
    "Make, change, rotate and revoke API keys; from the platform, for a day.",
    "owner",
    "admin",
    "operator",
  ),
  "tokens:read": data("See one's own personal access tokens.", "owner", "admin", "member", "operator"),
  "tokens:write": data("Make and revoke personal access tokens of one's own.", "owner", "admin", "member", "operator"),
  "members:read": data("See who belongs to the tenant, and invitations.", "owner", "admin", "member", "operator"),
  "members:write": data("Invite and remove people, and change their roles.", "owner", "admin"),
  "owners:write": data("Make, demote and remove owners; hand over ownership.", "owner"),
  "providers:read": data("See the tenant's own OpenID providers.", "owner", "admin", "operator"),
  "providers:write": data("Bring and remove an OpenID provider of the tenant's own.", "owner"),
  "events:read": data("See the tenant's authentication history.", "owner", "admin", "operator"),
  "audit:read": data("See what was changed in the tenant, and who opened it.", "owner", "admin", "operator"),
  "tenants:read": administration("See tenants.", "owner", "admin", "member", "operator"),
  "tenants:write": administration(
    "Rename and brand a tenant; make, suspend and move tenants below.",
    "owner",
    "admin",
    "operator",
  ),
  "tenants:close": administration("Close a tenant, and undo that for 30 days.", "owner", "operator"),
  "subscriptions:write": administration("Change plans (the tenant above alone).", "owner", "operator"),
  "limits:read": administration("See limits and what was used.", "owner", "admin", "member", "operator"),
  "limits:write": administration("Set limits of tenants below.", "owner", "admin", "operator"),
  "retention:read": administration("See what is kept and purge receipts.", "owner", "admin", "member", "operator"),
  "retention:write": administration("Set windows that a plan allows.", "owner", "admin", "operator"),
  "holds:read": administration("See legal holds (the platform alone).", "owner", "operator"),
  "holds:write": administration("Place and release legal holds (the platform alone).", "owner", "operator"),
  "vouchers:read": administration("See vouchers (the platform alone).", "owner", "operator"),
  "vouchers:write": administration("Make and revoke vouchers (the platform alone).", "owner", "operator"),
  "billing:write": data("Claim a voucher for the tenant; on an instance, the scope of that name.", "owner", "admin"),
  "profile:read": data("Let an instance see who one is: the scope of that name.", "owner", "admin", "member"),
  "assistant:use": data("Let an instance use the assistant: the scope assistant.", "owner", "admin", "member"),
  "offline:use": data("Let an instance work without a network: the scope offline.", "owner", "admin", "member"),
} as const satisfies Record<string, Permitted>;

export type Permission = keyof typeof PERMISSION_TABLE;
/** What a credential may be permitted to do: noun and verb. */
export const PERMISSIONS = Object.keys(PERMISSION_TABLE) as [Permission, ...Permission[]];

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSION_TABLE, text);
}

/** All that a role may do. */
export function permissionsOf(role: Role): Permission[] {
  return PERMISSIONS.filter((permission) => (PERMISSION_TABLE[permission].roles as readonly Role[]).includes(role));
}

/** Whether a permission reaches into a tenant's data, for which an operator of the platform gives a reason. */
export function opens(permission: Permission): boolean {
  return PERMISSION_TABLE[permission].opens;
}

/**
 * What a credential may do now: what it was given (null: all that its person may), but never more than its person's role
 * allows. A role of null is of a credential that is nobody's in particular; `none`, of one whose person has left.
 */
export function effectivePermissions(given: readonly string[] | null, role: Role | "none" | null): string[] {
  if (role === null) return [...(given ?? [])];
  const allowed: readonly string[] = role === "none" ? [] : permissionsOf(role);
  return given === null ? [...allowed] : given.filter((permission) => allowed.includes(permission));
}

/** Whether these permissions include this one. Unknown ones permit nothing. */
export function can(permissions: readonly string[], permission: Permission): boolean {
  return permissions.includes(permission);
}
