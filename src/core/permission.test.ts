import { expect, test } from "vitest";
import {
  can,
  effectivePermissions,
  isPermission,
  PERMISSIONS,
  type Permission,
  permissionsOf,
  ROLES,
  type Role,
} from "./permission.ts";

/** By hand, and not from the table: the cells on which isolation and the last word in a tenant rest. */
const EXPECTED: Partial<Record<Permission, readonly Role[]>> = {
  "instances:register": [],
  "instances:read": ["owner", "admin", "member", "operator"],
  "instances:delete": ["owner", "admin"],
  "registration-keys:write": ["owner", "admin"],
  "keys:read": ["owner", "admin", "operator"],
  "keys:write": ["owner", "admin", "operator"],
  "tokens:write": ["owner", "admin", "member", "operator"],
  "members:read": ["owner", "admin", "member", "operator"],
  "members:write": ["owner", "admin"],
  "owners:write": ["owner"],
  "providers:write": ["owner"],
  "events:read": ["owner", "admin", "operator"],
  "audit:read": ["owner", "admin", "operator"],
  "tenants:close": ["owner", "operator"],
  "holds:write": ["owner", "operator"],
  "vouchers:write": ["owner", "operator"],
  "device:approve": ["owner", "admin", "member"],
  "instance:claim": ["owner", "admin", "member"],
  "workspaces:write": ["owner", "admin"],
  "billing:write": ["owner", "admin"],
};

test("roles have what the promise says, in every important cell", () => {
  for (const [permission, roles] of Object.entries(EXPECTED)) {
    for (const role of ROLES) {
      const may = can(effectivePermissions(null, role), permission as Permission);
      expect([permission, role, may]).toEqual([permission, role, roles.includes(role)]);
    }
  }
});

test("owners have all that admins have, admins all that members have; operators write nothing of a tenant's data but keys for a day", () => {
  const beyond = (lower: Role, higher: Role) =>
    permissionsOf(lower).filter((permission) => !permissionsOf(higher).includes(permission));
  expect([...beyond("admin", "owner"), ...beyond("member", "admin")]).toEqual([]);
  const written = permissionsOf("operator").filter((permission) => permission.endsWith(":write"));
  expect(written.toSorted()).toEqual(
    [
      "holds:write",
      "keys:write",
      "limits:write",
      "retention:write",
      "subscriptions:write",
      "tenants:write",
      "tokens:write",
      "vouchers:write",
    ].toSorted(),
  );
});

test("what was given is cut to what the person may now; nothing is added, unknown words permit nothing", () => {
  const given = ["keys:write", "members:read", "owners:write", "everything", "__proto__", "keys"];
  const table: [given: readonly string[] | null, role: Role | "none" | null, expected: readonly string[]][] = [
    [given, "owner", ["keys:write", "members:read", "owners:write"]],
    [given, "admin", ["keys:write", "members:read"]],
    [given, "member", ["members:read"]],
    [given, "operator", ["keys:write", "members:read"]],
    [given, "none", []],
    [null, "none", []],
    [null, null, []],
    [[], "owner", []],
    [given, null, given],
  ];
  for (const [permissions, role, expected] of table) {
    expect([role, effectivePermissions(permissions, role)]).toEqual([role, expected]);
  }
  for (const role of ROLES) {
    for (const permission of PERMISSIONS) {
      const alone = effectivePermissions([permission], role);
      expect(alone).toEqual(permissionsOf(role).includes(permission) ? [permission] : []);
    }
  }
  expect(["owners:write", "owners", "__proto__", "constructor", ""].map(isPermission)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
  expect(can(["owners", "keys:write:all", "*"], "owners:write")).toBe(false);
});
