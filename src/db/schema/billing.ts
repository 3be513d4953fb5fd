import { sql } from "drizzle-orm";
import { bigint, check, index, integer, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "../columns.ts";
import { tenants } from "./accounts.ts";

/**
 * Invoices and credit notes, as the law wants them kept. Partitioned by the quarter of `expires_at`. No reference: they
 * outlive their tenant.
 */
export const billingRecords = pgTable(
  "billing_records",
  {
    id: idColumn("billingRecord").notNull(),
    tenantId: idColumn("tenant").notNull(),
    kind: text({ enum: ["invoice", "credit-note"] }).notNull(),
    number: text().notNull(),
    billedTo: text().notNull(),
    /** ISO 4217. */
    currency: text().notNull(),
    /** In the currency's minor unit. */
    amountMinor: bigint({ mode: "number" }).notNull(),
    taxMinor: bigint({ mode: "number" }).notNull(),
    periodStartAt: instant().notNull(),
    periodEndAt: instant().notNull(),
    issuedAt: instant().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] }),
    index("billing_records_expires").on(t.expiresAt, t.tenantId, t.id),
  ],
);

/** A code that puts a tenant on a plan, once. */
export const vouchers = pgTable(
  "vouchers",
  {
    id: idColumn("voucher").primaryKey(),
    /** Who issued it: the platform. */
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    codeHash: bytes().notNull(),
    name: text().notNull(),
    plan: text({ enum: ["team", "enterprise"] }).notNull(),
    seats: integer(),
    /** How long the plan lasts; null: until it is changed. */
    months: integer(),
    createdAt: instant().notNull(),
    validUntil: instant().notNull(),
    claimedAt: instant(),
    claimedTenantId: idColumn("tenant"),
    revokedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("vouchers_code_hash").on(t.codeHash),
    index("vouchers_tenant").on(t.tenantId),
    index("vouchers_expires").on(t.expiresAt, t.id),
    check("vouchers_hash_is_sha256", sql`octet_length(code_hash) = 32`),
  ],
);
