/** What a credential may be permitted to do: noun and verb. */
export const PERMISSIONS = [
  "instances:register",
  "instances:read",
  "instances:delete",
  "pings:read",
  "registration-keys:read",
  "registration-keys:write",
  "keys:read",
  "keys:write",
  "tenants:read",
  "limits:read",
  "limits:write",
  "retention:read",
  "retention:write",
  "holds:read",
  "holds:write",
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** Whether these permissions, as the database holds them, include this one. Unknown ones permit nothing. */
export function can(permissions: readonly string[], permission: Permission): boolean {
  return permissions.includes(permission);
}
