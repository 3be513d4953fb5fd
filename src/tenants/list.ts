import { asc, gt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { tenants } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface Tenant {
  id: Id<"tenant">;
  parentId: Id<"tenant"> | null;
  kind: "platform" | "reseller" | "direct" | "client";
  name: string;
  status: "active" | "suspended" | "closed";
  /** ms since 1970. */
  createdAt: number;
}

/** The tenant entered and all that is below it, oldest first. */
export async function listTenants(context: Context, page: PageRequest<Id<"tenant">>): Promise<Page<Tenant>> {
  const [rows] = await read(context, "tenants:read", (db) => [
    db
      .select({
        id: tenants.id,
        parentId: tenants.parentId,
        kind: tenants.kind,
        name: tenants.name,
        status: tenants.status,
        createdAt: tenants.createdAt,
      })
      .from(tenants)
      .where(page.after === null ? undefined : gt(tenants.id, page.after))
      .orderBy(asc(tenants.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
