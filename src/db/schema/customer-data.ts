import { sql } from "drizzle-orm";
import { foreignKey, index, jsonb, pgTable, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "../columns.ts";
import { tenants } from "./accounts.ts";

/** What customers entrust to us. Kept while their subscription runs: `subscription_ended_at` is set by a trigger alone. */

export const profiles = pgTable(
  "profiles",
  {
    id: idColumn("profile").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    /** No reference: a profile must not keep its person from being purged. */
    personId: idColumn("person").notNull(),
    displayName: text(),
    language: text(),
    preferences: jsonb().notNull(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("profiles_live").on(t.tenantId, t.personId).where(sql`removed_at is null`),
    index("profiles_tenant").on(t.tenantId),
    index("profiles_expires").on(t.expiresAt, t.id),
  ],
);

/** An account elsewhere that a tenant lets its instances use. */
export const connections = pgTable(
  "connections",
  {
    id: idColumn("connection").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    provider: text().notNull(),
    name: text().notNull(),
    scopes: text().array().notNull(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [unique("connections_tenant_id_id").on(t.tenantId, t.id), index("connections_expires").on(t.expiresAt, t.id)],
);

/** The secret of a connection, AES-256-GCM under the tenant's data key. */
export const encryptedCredentials = pgTable(
  "encrypted_credentials",
  {
    id: idColumn("encryptedCredential").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    connectionId: idColumn("connection").notNull(),
    keyId: text().notNull(),
    nonce: bytes().notNull(),
    ciphertext: bytes().notNull(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    foreignKey({
      name: "encrypted_credentials_connection_fk",
      columns: [t.tenantId, t.connectionId],
      foreignColumns: [connections.tenantId, connections.id],
    }),
    index("encrypted_credentials_connection").on(t.tenantId, t.connectionId),
    index("encrypted_credentials_expires").on(t.expiresAt, t.id),
  ],
);
