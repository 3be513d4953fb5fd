import { bigint, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

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
