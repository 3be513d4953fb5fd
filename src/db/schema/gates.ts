import { sql } from "drizzle-orm";
import { bigint, foreignKey, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";
import { tenants } from "./accounts.ts";

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
    index("outbox_tenant").on(t.tenantId),
    index("outbox_expires").on(t.expiresAt, t.id),
  ],
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
  (t) => [
    index("gate_heartbeats_pending").on(t.heardAt).where(sql`pending > 0`),
    index("gate_heartbeats_tenant").on(t.tenantId),
    index("gate_heartbeats_expires").on(t.expiresAt, t.gateId),
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
  (t) => [
    primaryKey({ columns: [t.tenantId, t.minute] }),
    index("straight_windows_expires").on(t.expiresAt, t.tenantId, t.minute),
  ],
);
