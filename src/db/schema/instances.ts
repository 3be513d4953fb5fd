import { sql } from "drizzle-orm";
import { boolean, check, foreignKey, index, integer, pgTable, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "../columns.ts";
import { people, tenants, workspaces } from "./accounts.ts";

export const instances = pgTable(
  "instances",
  {
    id: idColumn("instance").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    workspaceId: idColumn("workspace").notNull(),
    name: text(),
    clientId: text().notNull(),
    scope: text().notNull(),
    grantTypes: text().array().notNull(),
    redirectUris: text().array().notNull().default(sql`'{}'`),
    tokenEndpointAuthMethod: text({ enum: ["client_secret_post", "client_secret_basic", "none"] })
      .notNull()
      .default("client_secret_post"),
    /** The key with which it registered, if with one. */
    registrationKeyId: idColumn("registrationKey"),
    registeredAt: instant().notNull(),
    /** When a person claimed it, if one did. */
    claimedAt: instant(),
    /** When its secret and all its tokens ended, if it is still listed. */
    revokedAt: instant(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    foreignKey({
      name: "instances_workspace_fk",
      columns: [t.tenantId, t.workspaceId],
      foreignColumns: [workspaces.tenantId, workspaces.id],
    }),
    unique("instances_tenant_id_id").on(t.tenantId, t.id),
    uniqueIndex("instances_client_id").on(t.tenantId, t.clientId),
    // Of whichever tenant: a client finds the gate to which it was claimed.
    index("instances_client").on(t.clientId),
    index("instances_registration_key").on(t.registrationKeyId).where(sql`registration_key_id is not null`),
    index("instances_expires").on(t.expiresAt, t.id),
  ],
);

export const credentials = pgTable(
  "credentials",
  {
    id: idColumn("credential").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    kind: text({ enum: ["api-key", "personal-access-token", "client-secret"] }).notNull(),
    name: text().notNull(),
    instanceId: idColumn("instance"),
    /** Whose token it is, or who made the key: it may never do more than that person. */
    personId: idColumn("person").references(() => people.id),
    /** The tenant from which it was made: it ends when that one is no longer above. Null: before there was anybody. */
    makerTenantId: idColumn("tenant"),
    /** The workspace to which a personal access token is bound; null for all. */
    workspaceId: idColumn("workspace"),
    /** SHA-256 of the secret. */
    secretHash: bytes().notNull(),
    permissions: text().array().notNull(),
    /** Networks (CIDR) and origins from which alone it is taken; null for all. */
    allowedNetworks: text().array(),
    allowedOrigins: text().array(),
    /** Calls an hour, where that is less than its tenant's plan says. */
    callsPerHour: integer(),
    createdAt: instant().notNull(),
    /** The hour of its last use. */
    lastUsedAt: instant(),
    /** Countries from which it was used, ISO 3166-1: a new one is an event. */
    places: text().array().notNull().default(sql`'{}'`),
    validUntil: instant(),
    revokedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    foreignKey({
      name: "credentials_instance_fk",
      columns: [t.tenantId, t.instanceId],
      foreignColumns: [instances.tenantId, instances.id],
    }),
    uniqueIndex("credentials_secret_hash").on(t.secretHash),
    index("credentials_tenant").on(t.tenantId),
    index("credentials_expires").on(t.expiresAt, t.id),
    index("credentials_instance").on(t.instanceId),
    index("credentials_person").on(t.personId),
    check("credentials_hash_is_sha256", sql`octet_length(secret_hash) = 32`),
  ],
);

export const registrationKeys = pgTable(
  "registration_keys",
  {
    id: idColumn("registrationKey").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    workspaceId: idColumn("workspace").notNull(),
    name: text().notNull(),
    secretHash: bytes().notNull(),
    reusable: boolean().notNull(),
    /** How many instances may register with it; null for any number. */
    maxUses: integer(),
    /** What the names of its instances begin with. */
    namePrefix: text(),
    uses: integer().notNull(),
    createdAt: instant().notNull(),
    /** When a single-use key was spent. */
    usedUpAt: instant(),
    validUntil: instant(),
    revokedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    foreignKey({
      name: "registration_keys_workspace_fk",
      columns: [t.tenantId, t.workspaceId],
      foreignColumns: [workspaces.tenantId, workspaces.id],
    }),
    uniqueIndex("registration_keys_secret_hash").on(t.secretHash),
    index("registration_keys_tenant").on(t.tenantId),
    index("registration_keys_expires").on(t.expiresAt, t.id),
    check("registration_keys_hash_is_sha256", sql`octet_length(secret_hash) = 32`),
  ],
);
