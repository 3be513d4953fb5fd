import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

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
    /** When its owner closed the account; null again while that can be undone and was. */
    closedAt: instant(),
    /** When its gate forgot everything, at the end: until then this row stays, for it names the gate. */
    gateEmptiedAt: instant(),
    /** How long an instance may go on without us: the life of an offline lease, in days; 0: it may not. */
    offlineLeaseDays: integer().notNull().default(7),
    /** When it was last changed, by a trigger; null: never. So in the tables below. */
    updatedAt: instant(),
    /** When the tenant's last subscription ended; null while one runs. Set by a trigger on `subscriptions` alone. */
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    foreignKey({ columns: [t.parentId], foreignColumns: [t.id] }),
    uniqueIndex("tenants_gate_id").on(t.gateId),
    unique("tenants_id_gate_id").on(t.id, t.gateId),
    index("tenants_path").using("gin", t.path),
    index("tenants_parent").on(t.parentId),
    index("tenants_expires").on(t.expiresAt, t.id),
    index("tenants_closed").on(t.closedAt).where(sql`closed_at is not null`),
    check("tenants_offline_lease", sql`offline_lease_days between 0 and 30`),
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
    /** When it is to end; null: it goes on. */
    endsAt: instant(),
    endedAt: instant(),
    /** How many people may hold a seat; null: any number. */
    seats: integer(),
    trial: boolean().notNull().default(false),
    updatedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    index("subscriptions_tenant").on(t.tenantId),
    index("subscriptions_expires").on(t.expiresAt, t.id),
    // What has ended says when: rows of the tenant are kept from then on.
    check("subscriptions_end", sql`status <> 'ended' or ended_at is not null`),
  ],
);

/** A person is (issuer, subject), never an e-mail address. */
export const people = pgTable(
  "people",
  {
    id: idColumn("person").primaryKey(),
    issuer: text().notNull(),
    subject: text().notNull(),
    /** The tenant whose own provider vouches for the person, for itself alone; null for a provider of the deployment. */
    providerTenantId: idColumn("tenant"),
    email: text(),
    /** That the provider, and one trusted for it, says so. */
    emailVerified: boolean().notNull().default(false),
    name: text(),
    createdAt: instant().notNull(),
    updatedAt: instant(),
    /** When the person left the last tenant; set when that membership is forgotten, unless another came. */
    removedAt: instant(),
    /** When that tenant was closed, if it was. */
    closedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    unique("people_issuer_subject").on(t.issuer, t.subject, t.providerTenantId).nullsNotDistinct(),
    index("people_provider_tenant").on(t.providerTenantId).where(sql`provider_tenant_id is not null`),
    index("people_expires").on(t.expiresAt, t.id),
  ],
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
    role: text({ enum: ["owner", "admin", "member", "operator"] }).notNull(),
    /** Whether the membership takes one of the subscription's seats. */
    useSeat: boolean().notNull().default(true),
    createdAt: instant().notNull(),
    updatedAt: instant(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    uniqueIndex("memberships_live").on(t.tenantId, t.personId).where(sql`removed_at is null`),
    index("memberships_tenant").on(t.tenantId),
    index("memberships_person").on(t.personId),
    index("memberships_expires").on(t.expiresAt, t.id),
  ],
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
    /** Whether claiming an instance into it takes the code that the instance prints. */
    claimCodeRequired: boolean().notNull().default(true),
    createdAt: instant().notNull(),
    updatedAt: instant(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [unique("workspaces_tenant_id_id").on(t.tenantId, t.id), index("workspaces_expires").on(t.expiresAt, t.id)],
);

/** How a reseller appears to its clients and their people: the controller of their data under its own name. */
export const brands = pgTable(
  "brands",
  {
    id: idColumn("brand").primaryKey(),
    tenantId: idColumn("tenant")
      .notNull()
      .references(() => tenants.id),
    name: text().notNull(),
    logoUrl: text(),
    contact: text(),
    privacyContact: text(),
    setAt: instant().notNull(),
    removedAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    // Of one tenant one at a time: whoever sets it holds the tenant's row.
    index("brands_tenant").on(t.tenantId),
    index("brands_expires").on(t.expiresAt, t.id),
  ],
);
