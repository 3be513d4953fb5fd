import { and, desc, eq, lt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { auditEntries } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface AuditEntry {
  id: Id<"audit">;
  action: string;
  subject: string;
  actorKind: string;
  /** A uuid: of a person, a key, a token or a registration key. */
  actorId: string;
  detail: Record<string, unknown>;
  requestId: string;
  /** ms since 1970. */
  recordedAt: number;
}

/** What was changed in the tenant and who opened it, newest first; of one action alone where one is given. */
export async function listAudit(
  context: Context,
  page: PageRequest<Id<"audit">> & { action: string | null },
): Promise<Page<AuditEntry>> {
  const { limit, after, action } = page;
  const [rows] = await read(context, "audit:read", (db) => [
    db
      .select({
        id: auditEntries.id,
        action: auditEntries.action,
        subject: auditEntries.subject,
        actorKind: auditEntries.actorKind,
        actorId: auditEntries.actorId,
        detail: auditEntries.detail,
        requestId: auditEntries.requestId,
        recordedAt: auditEntries.recordedAt,
      })
      .from(auditEntries)
      .where(
        and(
          after === null ? undefined : lt(auditEntries.id, after),
          action === null ? undefined : eq(auditEntries.action, action),
        ),
      )
      .orderBy(desc(auditEntries.id))
      .limit(limit + 1),
  ]);
  const { items, next } = pageOf(rows, limit);
  return { items: items.map((entry) => ({ ...entry, detail: JSON.parse(entry.detail) })), next };
}
