import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "../columns.ts";

/** What outlives the request that made it, by hours. */

/** An instance that registered itself and that no tenant has claimed. */
export const unclaimedRegistrations = pgTable(
  "unclaimed_registrations",
  {
    id: idColumn("instance").primaryKey(),
    clientId: text().notNull(),
    /** SHA-256 of the client's secret. */
    secretHash: bytes().notNull(),
    /** The nursery gate that serves it. */
    gateId: text().notNull(),
    registeredAt: instant().notNull(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [index("unclaimed_registrations_expires").on(t.expiresAt, t.id)],
);

/** An answer that a repeat gets again (`Idempotency-Key`); it never contains a secret. */
export const idempotencyRecords = pgTable(
  "idempotency_records",
  {
    tenantId: idColumn("tenant").notNull(),
    /** Whose key it is: two callers may choose the same. */
    actorId: uuid().notNull(),
    key: text().notNull(),
    route: text().notNull(),
    requestHash: bytes().notNull(),
    /** What the change returned; the answer is made of it anew. */
    result: jsonb(),
    recordedAt: instant().notNull(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    // With the moment: an expired record is hidden, and a new one must find room before the purge.
    primaryKey({ columns: [t.tenantId, t.actorId, t.key, t.recordedAt] }),
    index("idempotency_records_expires").on(t.expiresAt, t.tenantId, t.actorId, t.key, t.recordedAt),
  ],
);
