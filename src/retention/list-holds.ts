import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { instantFromSql, nullableInstantFromSql } from "../db/columns.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { type Context, read } from "../verb.ts";

export interface LegalHold {
  id: Id<"legalHold">;
  tenantId: Id<"tenant"> | null;
  subjectId: Id<"person"> | Id<"instance"> | null;
  retentionClass: string | null;
  reason: string;
  /** The key with which it was placed. */
  placedBy: Id<"credential">;
  /** ms since 1970. */
  placedAt: number;
  reviewAt: number;
  /** Null while it is in place. */
  releasedAt: number | null;
  outcome: string | null;
}

interface HoldRow extends Record<string, unknown> {
  id: string;
  tenant_id: string | null;
  subject_id: string | null;
  subject_kind: "person" | "instance" | null;
  retention_class: string | null;
  reason: string;
  placed_by: string;
  placed_at: string;
  review_at: string;
  closed_at: string | null;
  outcome: string | null;
}

/** Legal holds, newest first; released ones for 24 months. For the platform owner alone. Throws `forbidden`. */
export async function listHolds(context: Context, page: PageRequest<Id<"legalHold">>): Promise<Page<LegalHold>> {
  const before = page.after === null ? null : uuidFromId("legalHold", page.after);
  const [{ rows }] = await read(context, "holds:read", (db) => [
    db.execute<HoldRow>(sql`select * from ebb.list_holds(${before}::uuid, ${page.limit + 1}::integer)`),
  ]);
  return pageOf(rows.map(holdOf), page.limit);
}

function holdOf(row: HoldRow): LegalHold {
  return {
    id: idFromUuid("legalHold", row.id),
    tenantId: row.tenant_id === null ? null : idFromUuid("tenant", row.tenant_id),
    // Where its kind is not known it is called a person's: the 128 bits are the same.
    subjectId: row.subject_id === null ? null : idFromUuid(row.subject_kind ?? "person", row.subject_id),
    retentionClass: row.retention_class,
    reason: row.reason,
    placedBy: idFromUuid("credential", row.placed_by),
    placedAt: instantFromSql(row.placed_at),
    reviewAt: instantFromSql(row.review_at),
    releasedAt: nullableInstantFromSql(row.closed_at),
    outcome: row.outcome,
  };
}
