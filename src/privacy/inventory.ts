import { getTableColumns, getTableName, is } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import { PgTable } from "drizzle-orm/pg-core";
import * as schema from "../db/schema.ts";
import type { ColumnDeclaration, TableDeclaration } from "./declaration.ts";
import { memberships, people, subscriptions, tenants, workspaces } from "./declared/accounts.ts";
import { auditEntries, outbox } from "./declared/evidence.ts";
import { credentials, instances, registrationKeys } from "./declared/instances.ts";
import { limitAllotments, limitOverrides } from "./declared/limits.ts";
import { deadLetters, gateHeartbeats, pings, straightWindows } from "./declared/telemetry.ts";
import type { Inventory } from "./declared-type.ts";

/**
 * What Ebb knows, about whom, why and for how long: one declaration for every table and column. Policies, grants,
 * expiry triggers and the purge are generated from it (`npm run generate`). A column of the schema that is not declared
 * here does not compile.
 */
export const INVENTORY: Inventory = {
  tenants,
  subscriptions,
  people,
  memberships,
  workspaces,
  instances,
  credentials,
  registrationKeys,
  limitOverrides,
  limitAllotments,
  pings,
  deadLetters,
  outbox,
  auditEntries,
  gateHeartbeats,
  straightWindows,
};

/** A declared table by its SQL names, in the order in which the purge works: children before their parents. */
export interface DeclaredTable extends TableDeclaration<string> {
  table: string;
}

const casing = new CasingCache("snake_case");
const tables: Record<string, unknown> = { ...schema };

/** The inventory with SQL names in place of TypeScript's. */
export function declaredTables(): DeclaredTable[] {
  return Object.entries(INVENTORY).map(([key, declaration]) => {
    const table = tables[key];
    if (!is(table, PgTable)) throw new TypeError(`${key} is not a table`);
    const names = Object.entries(getTableColumns(table)).map(([property, column]) => {
      const declared = (declaration.columns as Record<string, ColumnDeclaration>)[property];
      if (declared === undefined) throw new TypeError(`${key}.${property} is not declared`);
      return [casing.getColumnCasing(column), declared] as const;
    });
    return { ...declaration, table: getTableName(table), columns: Object.fromEntries(names) };
  });
}
