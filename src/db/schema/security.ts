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
    event: text({
      enum: [
        "sign-in",
        "sign-out",
        "key-use",
        "key-rotated",
        "token-issued",
        "device-denied",
        "client-changed",
        "client-registered-again",
        "request",
      ],
    }).notNull(),
    outcome: text({ enum: ["succeeded", "refused"] }).notNull(),
    actorKind: text(),
    actorId: uuid(),
    /** Whose history it belongs to. */
    personId: idColumn("person"),
    /** The country from which it came, ISO 3166-1. */
    place: text(),
    /** Why it was refused, as the stable name of a problem. */
    reason: text(),
    requestId: text().notNull(),
    expiresAt: instant().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.id, t.expiresAt] }),
    index("authentication_events_expires").on(t.expiresAt, t.id),
    index("authentication_events_tenant").on(t.tenantId, t.id),
    index("authentication_events_person").on(t.personId, t.id),
  ],
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
