import { and, asc, gt, isNull } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { instances } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

/** The columns of an instance that its tenant sees. */
export const instanceColumns = {
  id: instances.id,
  tenantId: instances.tenantId,
  workspaceId: instances.workspaceId,
  name: instances.name,
  clientId: instances.clientId,
  scope: instances.scope,
  registeredAt: instances.registeredAt,
};

export interface Instance {
  id: Id<"instance">;
  tenantId: Id<"tenant">;
  workspaceId: Id<"workspace">;
  name: string | null;
  clientId: string;
  scope: string;
  /** ms since 1970. */
  registeredAt: number;
}

/** The tenant's instances that were not removed, oldest first. */
export async function listInstances(context: Context, page: PageRequest<Id<"instance">>): Promise<Page<Instance>> {
  const [rows] = await read(context, "instances:read", (db) => [
    db
      .select(instanceColumns)
      .from(instances)
      .where(and(isNull(instances.removedAt), page.after === null ? undefined : gt(instances.id, page.after)))
      .orderBy(asc(instances.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
