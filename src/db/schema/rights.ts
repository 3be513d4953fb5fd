import { sql } from "drizzle-orm";
import { check, index, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** What people asked of us, and what must not be deleted meanwhile. No references: both outlive what they are about. */

/** A request under GDPR articles 15 to 21. */
export const rightsRequests = pgTable(
  "rights_requests",
  {
    id: idColumn("rightsRequest").primaryKey(),
    tenantId: idColumn("tenant").notNull(),
    personId: idColumn("person"),
    kind: text({
      enum: ["access", "rectification", "erasure", "restriction", "portability", "objection"],
    }).notNull(),
    requestedAt: instant().notNull(),
    /** One month after it was received (article 12(3)). */
    dueAt: instant().notNull(),
    closedAt: instant(),
    outcome: text(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [index("rights_requests_tenant").on(t.tenantId), index("rights_requests_expires").on(t.expiresAt, t.id)],
);

/** What the purge must leave alone: by tenant, subject or class; of those that are null, any. */
export const legalHolds = pgTable(
  "legal_holds",
  {
    id: idColumn("legalHold").primaryKey(),
    tenantId: idColumn("tenant"),
    subjectId: uuid(),
    /** What the subject is, to call it by its id again. */
    subjectKind: text({ enum: ["person", "instance"] }),
    retentionClass: text(),
    reason: text().notNull(),
    placedBy: uuid().notNull(),
    placedAt: instant().notNull(),
    reviewAt: instant().notNull(),
    closedAt: instant(),
    outcome: text(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    index("legal_holds_placed").on(t.tenantId).where(sql`closed_at is null`),
    index("legal_holds_expires").on(t.expiresAt, t.id),
    check("legal_holds_of_something", sql`num_nonnulls(tenant_id, subject_id, retention_class) > 0`),
  ],
);
