import { and, asc, eq, gt, isNull } from "drizzle-orm";
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
  grantTypes: instances.grantTypes,
  registrationKeyId: instances.registrationKeyId,
  registeredAt: instances.registeredAt,
  claimedAt: instances.claimedAt,
  revokedAt: instances.revokedAt,
};

export interface Instance {
  id: Id<"instance">;
  tenantId: Id<"tenant">;
  workspaceId: Id<"workspace">;
  name: string | null;
  clientId: string;
  scope: string;
  grantTypes: string[];
  /** The key with which it registered; null where a person claimed it. */
  registrationKeyId: Id<"registrationKey"> | null;
  /** Times in ms since 1970; null for what has not happened. */
  registeredAt: number;
  claimedAt: number | null;
  revokedAt: number | null;
}

/** Only those of this workspace, and only those that registered with this key; null: of any. */
export interface InstanceFilter {
  workspaceId: Id<"workspace"> | null;
  registrationKeyId: Id<"registrationKey"> | null;
}

/** The tenant's instances that were not removed, oldest first; revoked ones among them. */
export async function listInstances(
  context: Context,
  page: PageRequest<Id<"instance">>,
  { workspaceId, registrationKeyId }: InstanceFilter = { workspaceId: null, registrationKeyId: null },
): Promise<Page<Instance>> {
  const [rows] = await read(context, "instances:read", (db) => [
    db
      .select(instanceColumns)
      .from(instances)
      .where(
        and(
          isNull(instances.removedAt),
          workspaceId === null ? undefined : eq(instances.workspaceId, workspaceId),
          registrationKeyId === null ? undefined : eq(instances.registrationKeyId, registrationKeyId),
          page.after === null ? undefined : gt(instances.id, page.after),
        ),
      )
      .orderBy(asc(instances.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
