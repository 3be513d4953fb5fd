import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** Mail to be sent, written in the transaction of its cause. Gone after a week, sent or not. */
export const mailOutbox = pgTable(
  "mail_outbox",
  {
    id: idColumn("mail").primaryKey(),
    tenantId: idColumn("tenant"),
    recipient: text().notNull(),
    template: text().notNull(),
    parameters: jsonb().notNull(),
    attempts: integer().notNull(),
    recordedAt: instant().notNull(),
    sentAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    index("mail_outbox_pending").on(t.recordedAt).where(sql`sent_at is null`),
    index("mail_outbox_tenant").on(t.tenantId),
    index("mail_outbox_expires").on(t.expiresAt, t.id),
  ],
);
