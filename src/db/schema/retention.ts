import { sql } from "drizzle-orm";
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { idColumn, instant } from "../columns.ts";

/** What forgetting itself must remember. */

/**
 * A tenant's own window for a class that allows one. No reference: it outlives its tenant for as long as a row can that
 * was written under it. Written by `ebb.set_window` alone.
 */
export const retentionWindows = pgTable(
  "retention_windows",
  {
    id: idColumn("retentionWindow").primaryKey(),
    tenantId: idColumn("tenant").notNull(),
    retentionClass: text().notNull(),
    months: integer().notNull(),
    setAt: instant().notNull(),
    /** From when on: at once for a shorter one, after the notice for a longer one. */
    effectiveAt: instant().notNull(),
    /** When the next one took effect, or this one was taken back before it did. */
    supersededAt: instant(),
    subscriptionEndedAt: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    index("retention_windows_tenant").on(t.tenantId, t.retentionClass),
    index("retention_windows_expires").on(t.expiresAt, t.id),
  ],
);

/**
 * What a run of the purge has done to a table so far, written in the transaction of each batch: a run that dies leaves
 * it, and the next one makes its receipt.
 */
export const purgeProgress = pgTable(
  "purge_progress",
  {
    runId: uuid().notNull(),
    tableName: text().notNull(),
    startedAt: instant().notNull(),
    overdueMs: bigint({ mode: "number" }).notNull(),
    deleted: bigint({ mode: "number" }).notNull(),
    anonymised: bigint({ mode: "number" }).notNull(),
    blocked: bigint({ mode: "number" }).notNull(),
    /** `[{"name", "from", "to", "rows"}]`. */
    partitions: jsonb().notNull(),
    /** Of everything deleted, the earliest and the latest expiry. */
    earliest: instant(),
    latest: instant(),
    expiresAt: instant().notNull().default(sql`'infinity'`),
  },
  (t) => [
    primaryKey({ columns: [t.runId, t.tableName] }),
    index("purge_progress_expires").on(t.expiresAt, t.runId, t.tableName),
  ],
);
