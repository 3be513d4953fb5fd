import { index, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** Who tried to come in and what was refused. Partitioned by the month of `expires_at`. */

/** Without a tenant where the credential was nobody's. No network addresses. */
export const authenticationEvents = pgTable(
  "authentication_events",
  {
    id: idColumn("authenticationEvent").notNull(),
    tenantId: idColumn("tenant"),
    recordedAt: instant().notNull(),
    event: text({ enum: ["sign-in", "sign-out", "key-use", "token-issued"] }).notNull(),
    outcome: text({ enum: ["succeeded", "refused"] }).notNull(),
    actorKind: text(),
    actorId: uuid(),
    /** Why it was refused, as the stable name of a problem. */
    reason: text(),
    requestId: text().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.id, t.expiresAt] }), index("authentication_events_expires").on(t.expiresAt, t.id)],
);

export const securityEvents = pgTable(
  "security_events",
  {
    id: idColumn("securityEvent").notNull(),
    tenantId: idColumn("tenant"),
    recordedAt: instant().notNull(),
    kind: text().notNull(),
    severity: text({ enum: ["informational", "low", "medium", "high", "critical"] }).notNull(),
    actorKind: text(),
    actorId: uuid(),
    detail: text(),
    requestId: text(),
    expiresAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.id, t.expiresAt] }), index("security_events_expires").on(t.expiresAt, t.id)],
);
