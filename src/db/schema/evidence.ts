import { sql } from "drizzle-orm";
import { bigint, index, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";
import { IDLE_RECEIPT } from "../idle-receipt.ts";

/** Appended to by `ebb.append_audit` alone. Partitioned by the quarter of `expires_at`. */
export const auditEntries = pgTable(
  "audit_entries",
  {
    id: idColumn("audit").notNull(),
    tenantId: idColumn("tenant").notNull(),
    recordedAt: instant().notNull(),
    actorKind: text().notNull(),
    actorId: uuid().notNull(),
    action: text().notNull(),
    subject: text().notNull(),
    detail: text().notNull(),
    requestId: text().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] }),
    index("audit_entries_expires").on(t.expiresAt, t.tenantId, t.id),
  ],
);

/** What a run of the purge did to one table: canonical JSON (RFC 8785). Partitioned by the quarter of `expires_at`. */
export const purgeReceipts = pgTable(
  "purge_receipts",
  {
    id: idColumn("purgeReceipt").notNull(),
    /** One run yields a receipt a table. */
    runId: uuid().notNull(),
    tableName: text().notNull(),
    recordedAt: instant().notNull(),
    receipt: text().notNull(),
    /** For how long the oldest row had been overdue when the run came to this table, in ms; null where it could not look. */
    overdueMs: bigint({ mode: "number" }),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.id, t.expiresAt] }),
    index("purge_receipts_expires").on(t.expiresAt, t.id),
    index("purge_receipts_overdue").on(t.overdueMs),
    index("purge_receipts_run").on(t.runId, t.id),
    index("purge_receipts_table").on(t.tableName, t.id),
    index("purge_receipts_touched")
      .on(t.id)
      .where(sql.raw(`receipt not like '${IDLE_RECEIPT}'`)),
  ],
);
