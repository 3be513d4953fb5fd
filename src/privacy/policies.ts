import { anchorColumn, anonymisableRange, condition, endsWithTenant, tenantColumn, varies } from "./conditions.ts";
import type { Access, Role } from "./declaration.ts";
import type { DeclaredTable } from "./inventory.ts";

/** A row-level-security policy as the inventory wants it. */
export interface Policy {
  name: string;
  table: string;
  role: Role;
  command: Access["command"];
  using: string | null;
  check: string | null;
}

/** A privilege of a role on a table; `columns` null means the whole table. */
export interface Grant {
  table: string;
  role: Role;
  command: Access["command"];
  columns: readonly string[] | null;
}

/**
 * What each role may do with a table. The purge's part follows from the class: it may delete what is due and not held,
 * and mark as anonymised what is to be. Maintenance sees every row: it counts them, and asks whether any is left.
 */
export function accessOf(table: DeclaredTable): [Role, Access][] {
  const declared = Object.entries(table.access).flatMap(([role, list]) =>
    list.map((access): [Role, Access] => [role as Role, access]),
  );
  const seesAll = declared.some(([role, { command }]) => role === "ebb_maint" && command === "select");
  const anonymises = anonymisableRange(table) !== null;
  const tenant = endsWithTenant(table) || varies(table) ? tenantColumn(table) : null;
  // A DELETE reads rows to find them: without the SELECT part it silently hits nothing.
  const columns = new Set([
    ...table.key,
    "expires_at",
    ...(tenant === null ? [] : [tenant]),
    ...(varies(table) || anonymises ? [anchorColumn(table)] : []),
    ...(anonymises ? ["anonymised_at"] : []),
  ]);
  return [
    ...declared,
    ...(seesAll ? [] : [["ebb_maint", { command: "select", reach: "all" }] satisfies [Role, Access]]),
    ["ebb_purge", { command: "select", reach: anonymises ? "due-or-past-anonymising" : "due", columns: [...columns] }],
    ["ebb_purge", { command: "delete", reach: "due" }],
    ...(anonymises
      ? [
          ["ebb_purge", { command: "update", reach: "anonymisable", columns: ["anonymised_at"] }] satisfies [
            Role,
            Access,
          ],
        ]
      : []),
  ];
}

export function policiesOf(table: DeclaredTable): Policy[] {
  return accessOf(table).map(([role, access]) => {
    const { tenant, time } = condition(access.reach, table);
    const both = [tenant, time].filter((part) => part !== null).join(" and ") || "true";
    // What a role writes must lie where it may read, but may already have its end set: no time in the check.
    const written =
      access.reach === "unexpired"
        ? both
        : access.reach === "anonymisable"
          ? "anonymised_at is not null"
          : (tenant ?? "true");
    return {
      name: `${table.table}_${role}_${access.command}`,
      table: table.table,
      role,
      command: access.command,
      using: access.command === "insert" ? null : both,
      check: access.command === "insert" || access.command === "update" ? written : null,
    };
  });
}

export function grantsOf(table: DeclaredTable): Grant[] {
  return accessOf(table).map(([role, access]) => ({
    table: table.table,
    role,
    command: access.command,
    columns: access.columns ?? null,
  }));
}
