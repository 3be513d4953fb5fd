import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { bytes, idColumn, instant } from "./columns.ts";

/**
 * The tables. Every one ends in `expires_at`: the instant from which a row is unreadable and may be deleted. State
 * tables have it set by a trigger, event tables are partitioned by it (the partitioning clause stands in the migration:
 * Drizzle cannot express it). A reference inside a tenant carries the tenant with it, so that no row leans on another
 * tenant's, or keeps it from being purged. Whatever is added here must be declared in `src/privacy/inventory.ts`, or
 * nothing compiles.
 */
export const tenants = pgTable(
  "tenants",
  {
    id: idColumn("tenant").primaryKey(),
    parentId: idColumn("tenant"),
    /** From the platform down to this tenant, itself included: at most three. */
    path: uuid().array().notNull(),
    kind: text({ enum: ["platform", "reseller", "direct", "client"] }).notNull(),
    name: text().notNull(),
    status: text({ enum: ["active", "suspended", "closed"] }).notNull(),
    homeRegion: text({ enum: ["any", "eu", "us", "fedramp"] }).notNull(),
    gateId: text().notNull(),
    createdAt: instant().notNull(),
    endedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    foreignKey({ columns: [t.parentId], foreignColumns: [t.id] }),
    uniqueIndex("tenants_gate_id").on(t.gateId),
    unique("tenants_id_gate_id").on(t.id, t.gateId),
    index("tenants_path").using("gin", t.path),
    check("tenants_path_ends_here", sql`cardinality(path) between 1 and 3 and path[cardinality(path)] = id`),
    check("tenants_parent_in_path", sql`parent_id is not distinct from path[cardinality(path) - 1]`),
  ],
);

export const subscriptions = pgTable(
  "subscriptions",
  {
    id: idColumn("subscription").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    plan: text({ enum: ["free", "team", "enterprise"] }).notNull(),
    status: text({ enum: ["active", "ended"] }).notNull(),
    startedAt: instant().notNull(),
    endedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [index("subscriptions_tenant").on(t.tenantId)],
);

/** A person is (issuer, subject), never an e-mail address. */
export const people = pgTable(
  "people",
  {
    id: idColumn("person").primaryKey(),
    issuer: text().notNull(),
    subject: text().notNull(),
    email: text(),
    name: text(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [uniqueIndex("people_issuer_subject").on(t.issuer, t.subject)],
);

export const memberships = pgTable(
  "memberships",
  {
    id: idColumn("membership").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    personId: idColumn("person")
      .notNull()
      .references(() => people.id),
    role: text({ enum: ["owner", "admin", "member"] }).notNull(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [uniqueIndex("memberships_live").on(t.tenantId, t.personId).where(sql`removed_at is null`)],
);

export const workspaces = pgTable(
  "workspaces",
  {
    id: idColumn("workspace").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    name: text().notNull(),
    /** Raised whenever membership, roles or access change. */
    generation: integer().notNull(),
    createdAt: instant().notNull(),
    removedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [unique("workspaces_tenant_id_id").on(t.tenantId, t.id)],
);

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
    registeredAt: instant().notNull(),
    removedAt: instant(),
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
  ],
);

export const credentials = pgTable(
  "credentials",
  {
    id: idColumn("credential").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    kind: text({ enum: ["api-key", "client-secret"] }).notNull(),
    name: text().notNull(),
    instanceId: idColumn("instance"),
    personId: idColumn("person").references(() => people.id),
    /** SHA-256 of the secret. */
    secretHash: bytes().notNull(),
    permissions: text().array().notNull(),
    createdAt: instant().notNull(),
    validUntil: instant(),
    revokedAt: instant(),
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
    index("credentials_expires").on(t.expiresAt),
    index("credentials_instance").on(t.instanceId),
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
    uses: integer().notNull(),
    createdAt: instant().notNull(),
    /** When a single-use key was spent. */
    usedUpAt: instant(),
    validUntil: instant(),
    revokedAt: instant(),
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
    index("registration_keys_expires").on(t.expiresAt),
    check("registration_keys_hash_is_sha256", sql`octet_length(secret_hash) = 32`),
  ],
);

/** One row an (instance, kind, bucket): alive pings and health checks. Partitioned by the day of `expires_at`. */
export const pings = pgTable(
  "pings",
  {
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    kind: text({ enum: ["alive"] }).notNull(),
    /** Start of the bucket; for `alive` the UTC day. */
    bucket: instant().notNull(),
    receivedAt: instant().notNull(),
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
  (t) => [index("dead_letters_expires").on(t.expiresAt), index("dead_letters_tenant").on(t.tenantId)],
);

/** What a gate must hear of, written in the transaction of the change and delivered after it. */
export const outbox = pgTable(
  "outbox",
  {
    id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    tenantId: idColumn("tenant").notNull(),
    gateId: text().notNull(),
    message: jsonb().notNull(),
    recordedAt: instant().notNull(),
    deliveredAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    // A tenant can post to its own gate alone.
    foreignKey({ columns: [t.tenantId, t.gateId], foreignColumns: [tenants.id, tenants.gateId] }),
    index("outbox_pending").on(t.gateId, t.id).where(sql`delivered_at is null`),
    index("outbox_expires").on(t.expiresAt),
  ],
);

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
  (t) => [primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] })],
);

/** When a gate was last heard of and how much it still held: the cron visits those that fell silent with work left. */
export const gateHeartbeats = pgTable(
  "gate_heartbeats",
  {
    gateId: text().primaryKey(),
    tenantId: idColumn("tenant").notNull(),
    heardAt: instant().notNull(),
    pending: integer().notNull(),
    recorded: bigint({ mode: "number" }).notNull(),
    repeated: bigint({ mode: "number" }).notNull(),
    expired: bigint({ mode: "number" }).notNull(),
    gone: bigint({ mode: "number" }).notNull(),
    dead: bigint({ mode: "number" }).notNull(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [index("gate_heartbeats_pending").on(t.heardAt).where(sql`pending > 0`)],
);

/** A tenant's own limit that the platform owner has set instead of its plan's. Written by `ebb.override_limit` alone. */
export const limitOverrides = pgTable(
  "limit_overrides",
  {
    id: idColumn("limitOverride").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    policy: text().notNull(),
    atMost: integer().notNull(),
    setAt: instant().notNull(),
    removedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("limit_overrides_live").on(t.tenantId, t.policy).where(sql`removed_at is null`),
    index("limit_overrides_expires").on(t.expiresAt),
    check("limit_overrides_at_most", sql`at_most >= 0`),
  ],
);

/**
 * What a reseller (`tenant_id`) allots to a client out of its own limit. A row of the reseller's, so that the client
 * cannot see it. Written by `ebb.allot_limit` alone.
 */
export const limitAllotments = pgTable(
  "limit_allotments",
  {
    id: idColumn("limitAllotment").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    /** No reference: a row of the reseller's must not keep its client's from being purged. */
    clientId: idColumn("tenant").notNull(),
    policy: text().notNull(),
    atMost: integer().notNull(),
    setAt: instant().notNull(),
    removedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("limit_allotments_live").on(t.tenantId, t.clientId, t.policy).where(sql`removed_at is null`),
    index("limit_allotments_client").on(t.clientId).where(sql`removed_at is null`),
    index("limit_allotments_expires").on(t.expiresAt),
    check("limit_allotments_at_most", sql`at_most >= 0`),
  ],
);

/** Bounds the straight way of a ping past an unreachable gate: what a tenant has used of one minute. */
export const straightWindows = pgTable(
  "straight_windows",
  {
    tenantId: idColumn("tenant").notNull(),
    minute: instant().notNull(),
    used: integer().notNull(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.minute] })],
);
