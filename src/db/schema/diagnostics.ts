import { doublePrecision, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** How instances fare. Partitioned by the day of `expires_at`; every text is sanitised before it is stored. */

export const metrics = pgTable(
  "metrics",
  {
    id: idColumn("metric").notNull(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    /** Start of the UTC day on which it was received. */
    bucket: instant().notNull(),
    receivedAt: instant().notNull(),
    name: text().notNull(),
    unit: text(),
    value: doublePrecision().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] })],
);

export const errorReports = pgTable(
  "error_reports",
  {
    id: idColumn("errorReport").notNull(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    /** Start of the UTC day on which it was received. */
    bucket: instant().notNull(),
    receivedAt: instant().notNull(),
    /** Class of the exception, never its message. */
    type: text().notNull(),
    /** By which reports of one cause are grouped. */
    fingerprint: text().notNull(),
    /** Functions and lines of our own code; paths of the machine are cut off. */
    stackTrace: text(),
    appVersion: text(),
    osKind: text(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] })],
);

export const performanceSamples = pgTable(
  "performance_samples",
  {
    id: idColumn("performanceSample").notNull(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    /** Start of the UTC day on which it was received. */
    bucket: instant().notNull(),
    receivedAt: instant().notNull(),
    operation: text().notNull(),
    durationMs: doublePrecision().notNull(),
    appVersion: text(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] })],
);
