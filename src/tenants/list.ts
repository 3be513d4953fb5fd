import { asc, gt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { tenants } from "../db/schema.ts";
import { type Context, enter } from "../verb.ts";
import type { Tenant } from "./show.ts";

/** The tenant entered and all that is below it, oldest first. */
export async function listTenants(context: Context, page: PageRequest<Id<"tenant">>): Promise<Page<Tenant>> {
  const { entered, results } = await enter(
    context,
    "tenants:read",
    (db) =>
      [
        db
          .select({
            id: tenants.id,
            parentId: tenants.parentId,
            kind: tenants.kind,
            name: tenants.name,
            status: tenants.status,
            createdAt: tenants.createdAt,
            closedAt: tenants.closedAt,
          })
          .from(tenants)
          .where(page.after === null ? undefined : gt(tenants.id, page.after))
          .orderBy(asc(tenants.id))
          .limit(page.limit + 1),
      ] as const,
  );
  const { items, next } = pageOf(results[0], page.limit);
  return {
    items: items.map((tenant) => ({
      ...tenant,
      status: tenant.closedAt === null ? tenant.status : "closed",
      parentId: tenant.id === entered.actorTenantId ? null : tenant.parentId,
    })),
    next,
  };
}
