import { sql } from "drizzle-orm";
import { index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** One row an (instance, kind, bucket): alive pings and health checks. Partitioned by the day of `expires_at`. */
export const pings = pgTable(
  "pings",
  {
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    kind: text({ enum: ["alive", "health"] }).notNull(),
    /** Start of the bucket; the UTC day for `alive`. Nothing finer is stored of when a ping came. */
    bucket: instant().notNull(),
    osKind: text(),
    osName: text(),
    osVersion: text(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.instanceId, t.kind, t.bucket, t.expiresAt] })],
);

/** What a flush could not store, with the reason; kept for a week so that somebody can look. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: idColumn("deadLetter").primaryKey(),
    tenantId: idColumn("tenant").notNull(),
    gateId: text().notNull(),
    reason: text().notNull(),
    body: text().notNull(),
    recordedAt: instant().notNull(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [index("dead_letters_expires").on(t.expiresAt, t.id), index("dead_letters_tenant").on(t.tenantId)],
);
