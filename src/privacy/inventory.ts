import { getTableColumns, getTableName, is } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import { PgTable } from "drizzle-orm/pg-core";
import * as schema from "../db/schema.ts";
import type { TableDeclaration } from "./declaration.ts";
import { brands, memberships, people, subscriptions, tenants, workspaces } from "./declared/accounts.ts";
import { billingRecords, vouchers } from "./declared/billing.ts";
import { connections, encryptedCredentials, profiles } from "./declared/customer-data.ts";
import { errorReports, metrics, performanceSamples } from "./declared/diagnostics.ts";
import { auditEntries, outbox, purgeReceipts } from "./declared/evidence.ts";
import { credentials, instances, registrationKeys } from "./declared/instances.ts";
import { limitAllotments, limitOverrides } from "./declared/limits.ts";
import {
  authorizationCodes,
  deviceCodes,
  identityProviders,
  invitations,
  loginStates,
  refreshTokens,
  sessions,
  tokenFamilies,
} from "./declared/login.ts";
import { idempotencyRecords, mailOutbox, unclaimedRegistrations } from "./declared/requests.ts";
import { purgeProgress, retentionWindows } from "./declared/retention.ts";
import { legalHolds, rightsRequests } from "./declared/rights.ts";
import { authenticationEvents, securityEvents } from "./declared/security.ts";
import { activeInstanceCounts, websiteVisits } from "./declared/statistics.ts";
import { deadLetters, gateHeartbeats, pings, straightWindows } from "./declared/telemetry.ts";
import { aiUsage, featureUsage, profileFetches, toolExecutions, userSessions } from "./declared/usage.ts";
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
  // Before memberships: the last one's end is theirs, in the same run.
  sessions,
  memberships,
  workspaces,
  instances,
  credentials,
  registrationKeys,
  limitOverrides,
  limitAllotments,
  brands,
  identityProviders,
  invitations,
  vouchers,
  profiles,
  connections,
  encryptedCredentials,
  pings,
  metrics,
  errorReports,
  performanceSamples,
  userSessions,
  profileFetches,
  featureUsage,
  toolExecutions,
  aiUsage,
  websiteVisits,
  activeInstanceCounts,
  authenticationEvents,
  securityEvents,
  deviceCodes,
  authorizationCodes,
  loginStates,
  refreshTokens,
  tokenFamilies,
  unclaimedRegistrations,
  idempotencyRecords,
  mailOutbox,
  deadLetters,
  retentionWindows,
  outbox,
  auditEntries,
  purgeReceipts,
  billingRecords,
  rightsRequests,
  legalHolds,
  gateHeartbeats,
  straightWindows,
  purgeProgress,
};

/** A declared table by its SQL names, in the order in which the purge works: children before their parents. */
export interface DeclaredTable extends TableDeclaration<string> {
  table: string;
}

const casing = new CasingCache("snake_case");
const tables: Record<string, unknown> = { ...schema };

/** The inventory with SQL names in place of TypeScript's. */
export function declaredTables(): DeclaredTable[] {
  return Object.entries(INVENTORY).map(([key, declaration]: [string, TableDeclaration<string>]) => {
    const table = tables[key];
    if (!is(table, PgTable)) throw new TypeError(`${key} is not a table`);
    const named = <T>(declared: Partial<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(
        Object.entries(getTableColumns(table)).flatMap(([property, column]) => {
          const value = declared[property];
          return value === undefined ? [] : [[casing.getColumnCasing(column), value] as const];
        }),
      );
    const columns = named(declaration.columns);
    if (Object.keys(columns).length !== Object.keys(getTableColumns(table)).length) {
      throw new TypeError(`a column of ${key} is not declared`);
    }
    const { anonymise } = declaration;
    return { ...declaration, table: getTableName(table), columns, ...(anonymise && { anonymise: named(anonymise) }) };
  });
}
