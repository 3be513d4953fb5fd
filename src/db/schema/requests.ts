import { sql } from "drizzle-orm";
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "../columns.ts";

/** What outlives the request that made it, by hours. */

/** An instance that registered itself and that no tenant has claimed. */
export const unclaimedRegistrations = pgTable(
  "unclaimed_registrations",
  {
    id: idColumn("instance").primaryKey(),
    clientId: text().notNull(),
    /** SHA-256 of the client's secret; null for a public client. */
    secretHash: bytes(),
    /** The nursery gate that serves it. */
    gateId: text().notNull(),
    name: text(),
    scope: text().notNull().default(""),
    grantTypes: text().array().notNull().default(sql`'{}'`),
    redirectUris: text().array().notNull().default(sql`'{}'`),
    tokenEndpointAuthMethod: text({ enum: ["client_secret_post", "client_secret_basic", "none"] })
      .notNull()
      .default("client_secret_post"),
    /** From where it registered: ISO 3166-1, and who runs the network. Deleted when it is claimed. */
    country: text(),
    networkOperator: text(),
    /** SHA-256 of the code that the instance prints, and how often a wrong one was given. */
    claimCodeHash: bytes(),
    /** The instance prints its code, and is claimed with it alone, whatever a workspace waives. */
    claimCodeDemanded: boolean().notNull().default(false),
    claimAttempts: integer().notNull().default(0),
    /** SHA-256 of the Idempotency-Key with which it registered, and of all that it said: who repeats both is the same. */
    idempotencyHash: bytes(),
    requestHash: bytes(),
    registeredAt: instant().notNull(),
    claimedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("unclaimed_registrations_client_id").on(t.clientId),
    uniqueIndex("unclaimed_registrations_idempotency").on(t.idempotencyHash).where(sql`idempotency_hash is not null`),
    index("unclaimed_registrations_expires").on(t.expiresAt, t.id),
  ],
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
