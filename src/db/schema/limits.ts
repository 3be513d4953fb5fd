import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";
import { tenants } from "./accounts.ts";

/** A tenant's own limit that the platform owner has set instead of its plan's. Written by `ebb.override_limit` alone. */
export const limitOverrides = pgTable(
  "limit_overrides",
  {
    id: idColumn("limitOverride").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    policy: text().notNull(),
    atMost: integer().notNull(),
    setAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("limit_overrides_live").on(t.tenantId, t.policy).where(sql`removed_at is null`),
    index("limit_overrides_tenant").on(t.tenantId),
    index("limit_overrides_expires").on(t.expiresAt, t.id),
    check("limit_overrides_at_most", sql`at_most >= 0`),
  ],
);

/**
 * What a reseller (`tenant_id`) allots to a client out of its own limit. A row of the reseller's, so that the client
 * cannot see it. Written by `ebb.allot_limit` alone.
 */
export const limitAllotments = pgTable(
  "limit_allotments",
  {
    id: idColumn("limitAllotment").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    /** No reference: a row of the reseller's must not keep its client's from being purged. */
    clientId: idColumn("tenant").notNull(),
    policy: text().notNull(),
    atMost: integer().notNull(),
    setAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("limit_allotments_live").on(t.tenantId, t.clientId, t.policy).where(sql`removed_at is null`),
    index("limit_allotments_client").on(t.clientId).where(sql`removed_at is null`),
    index("limit_allotments_tenant").on(t.tenantId),
    index("limit_allotments_expires").on(t.expiresAt, t.id),
    check("limit_allotments_at_most", sql`at_most >= 0`),
  ],
);
