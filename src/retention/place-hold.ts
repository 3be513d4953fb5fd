import { eq, sql } from "drizzle-orm";
import { type Id, newId, parseId, uuidFromId } from "../core/id.ts";
import { type FieldError, Problem } from "../core/problem.ts";
import { instantToSql } from "../db/columns.ts";
import { tenants } from "../db/schema.ts";
import { held } from "../privacy/conditions.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { expiry, type RetentionClassName, SCHEDULE } from "../privacy/schedule.ts";
import { type Context, mutate } from "../verb.ts";

/** Nobody decides today what must be kept in ten years: a hold is looked at again within two. */
const REVIEWED_WITHIN = { unit: "month", count: 24 } as const;

/** The classes that a hold can keep: those with a table that honours holds. */
export function holdableClasses(): RetentionClassName[] {
  const honoured = new Set(
    declaredTables()
      .filter((table) => held(table) !== null)
      .map(({ retention }) => retention),
  );
  return (Object.keys(SCHEDULE) as RetentionClassName[]).filter((name) => honoured.has(name));
}

export interface NewHold {
  /** What is held: what lies in all of these that are given, of which there is at least one. */
  tenantId: Id<"tenant"> | null;
  subjectId: Id<"person"> | Id<"instance"> | null;
  retentionClass: RetentionClassName | null;
  reason: string;
  reviewAtMs: number;
}

/**
 * Keeps the purge away from a tenant's data, a person's or an instance's, a class of data, or what is all of these, until
 * the hold is released. For the platform owner alone. Waits for the purge's batch that is running. Throws `forbidden`,
 * `not-found` for a tenant that is none, and `invalid-field`.
 */
export async function placeHold(context: Context, hold: NewHold): Promise<{ id: Id<"legalHold">; placedAt: number }> {
  const now = context.deps.clock.now();
  const { tenantId, subjectId, retentionClass, reason, reviewAtMs } = hold;
  if (tenantId === null && subjectId === null && retentionClass === null)
    throw new Problem("invalid-field", { errors: [NOTHING_HELD] });
  return await mutate(context, "holds:write", async (tx) => {
    const id = newId("legalHold", now);
    const tenant = tenantId === null ? null : uuidFromId("tenant", tenantId);
    const subject = subjectOf(subjectId);
    await tx.execute(
      sql`select ebb.place_hold(${uuidFromId("legalHold", id)}::uuid, ${tenant}::uuid, ${subject.uuid}::uuid, ${retentionClass}::text, ${reason}, ${instantToSql(reviewAtMs)}::timestamptz, ${subject.kind}::text)`,
    );
    // Now that everybody else has been refused, who so learns nothing of which tenants there are.
    const errors = wrongReview(reviewAtMs, now);
    if (errors.length > 0) throw new Problem("invalid-field", { errors });
    if (tenantId !== null) {
      const found = await tx.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, tenantId));
      if (found.length === 0) throw new Problem("not-found");
    }
    const detail = { tenant_id: tenantId, subject_id: subjectId, retention_class: retentionClass };
    return {
      result: { id, placedAt: now },
      audit: { action: "hold.placed", subject: id, detail: { ...detail, review_at: instantToSql(reviewAtMs) } },
    };
  });
}

const NOTHING_HELD: FieldError = {
  path: "tenant_id",
  message: "is required where neither subject_id nor retention_class is given",
};

function wrongReview(reviewAtMs: number, now: number): FieldError[] {
  const path = "review_at";
  if (reviewAtMs <= now) return [{ path, message: "must be in the future" }];
  if (reviewAtMs > expiry(now, REVIEWED_WITHIN)) return [{ path, message: "must be at most 24 months ahead" }];
  return [];
}

function subjectOf(id: NewHold["subjectId"]): { uuid: string | null; kind: "person" | "instance" | null } {
  if (id === null) return { uuid: null, kind: null };
  const kind = parseId("person", id) === null ? "instance" : "person";
  return { uuid: uuidFromId(kind, id), kind };
}
