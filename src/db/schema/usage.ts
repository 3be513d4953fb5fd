import { bigint, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/**
 * How the product is used. Partitioned by the month of `expires_at`; what counts by the hour keeps no finer instant.
 * No references: an event must neither keep its instance from being purged nor be refused because that is gone.
 */

/** What a person's sign-in on an instance was asked in an hour: that it was, not how often. */
const asked = () => ({
  tenantId: idColumn("tenant").notNull(),
  instanceId: idColumn("instance").notNull(),
  personId: idColumn("person").notNull(),
  /** Start of the hour. */
  bucket: instant().notNull(),
  expiresAt: instant().notNull(),
});

export const userSessions = pgTable("user_sessions", asked(), (t) => [
  primaryKey({ name: "user_sessions_pk", columns: [t.tenantId, t.instanceId, t.personId, t.bucket, t.expiresAt] }),
  index("user_sessions_expires").on(t.expiresAt, t.tenantId, t.instanceId, t.personId, t.bucket),
]);

export const profileFetches = pgTable("profile_fetches", asked(), (t) => [
  primaryKey({ name: "profile_fetches_pk", columns: [t.tenantId, t.instanceId, t.personId, t.bucket, t.expiresAt] }),
  index("profile_fetches_expires").on(t.expiresAt, t.tenantId, t.instanceId, t.personId, t.bucket),
]);

export const featureUsage = pgTable(
  "feature_usage",
  {
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance").notNull(),
    feature: text().notNull(),
    /** Start of the hour. */
    bucket: instant().notNull(),
    uses: integer().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.instanceId, t.feature, t.bucket, t.expiresAt] }),
    index("feature_usage_expires").on(t.expiresAt, t.tenantId, t.instanceId, t.feature, t.bucket),
  ],
);

/** That a tool ran, and how it went; never its arguments or what it returned. */
export const toolExecutions = pgTable(
  "tool_executions",
  {
    id: idColumn("toolExecution").notNull(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance"),
    personId: idColumn("person"),
    tool: text().notNull(),
    status: text({ enum: ["succeeded", "failed", "cancelled"] }).notNull(),
    durationMs: integer().notNull(),
    recordedAt: instant().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] }),
    index("tool_executions_expires").on(t.expiresAt, t.tenantId, t.id),
    // A tenant's own window cuts rows short by when they were recorded.
    index("tool_executions_recorded").on(t.tenantId, t.recordedAt),
  ],
);

/** What a call of a model consumed; never its messages. */
export const aiUsage = pgTable(
  "ai_usage",
  {
    id: idColumn("aiUsage").notNull(),
    tenantId: idColumn("tenant").notNull(),
    instanceId: idColumn("instance"),
    personId: idColumn("person"),
    provider: text().notNull(),
    model: text().notNull(),
    inputTokens: integer().notNull(),
    outputTokens: integer().notNull(),
    /** In millionths of a US dollar. */
    costMicroUsd: bigint({ mode: "number" }).notNull(),
    recordedAt: instant().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id, t.expiresAt] }),
    index("ai_usage_expires").on(t.expiresAt, t.tenantId, t.id),
  ],
);
