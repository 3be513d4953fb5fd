import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** What is counted of visitors and of all instances together, of no tenant. Partitioned by the month of `expires_at`. */

export const websiteVisits = pgTable(
  "website_visits",
  {
    id: idColumn("websiteVisit").notNull(),
    recordedAt: instant().notNull(),
    /** A keyed hash whose key is replaced every day; gone once the visit is anonymised. */
    visitorId: text(),
    /** Without its query. */
    path: text().notNull(),
    referrer: text(),
    /** BCP 47; only its first subtag once the visit is anonymised. */
    language: text(),
    browser: text(),
    anonymisedAt: instant(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.id, t.expiresAt] }),
    index("website_visits_expires").on(t.expiresAt, t.id),
    index("website_visits_plain").on(t.expiresAt, t.id).where(sql`anonymised_at is null`),
  ],
);

/** Groups of fewer than ten are not stored: nobody stands out. */
export const activeInstanceCounts = pgTable(
  "active_instance_counts",
  {
    /** Start of the UTC day that is counted. */
    day: instant().notNull(),
    version: text().notNull(),
    instances: integer().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.day, t.version, t.expiresAt] }),
    index("active_instance_counts_expires").on(t.expiresAt, t.day, t.version),
    check("active_instance_counts_at_least_ten", sql`instances >= 10`),
  ],
);
