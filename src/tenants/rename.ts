import { sql } from "drizzle-orm";
import type { Precondition } from "../core/precondition.ts";
import { type Context, mutate } from "../verb.ts";
import { SHOW_TENANT, shownTenant, type TenantInFull, type TenantRow } from "./show.ts";

/**
 * Renames the tenant entered. Throws what the precondition throws of the tenant as it was, and `conflict` for a
 * closed one.
 */
export async function renameTenant(
  context: Context,
  name: string,
  precondition?: Precondition<TenantInFull>,
): Promise<TenantInFull> {
  return await mutate(context, "tenants:write", async (tx) => {
    // First, as it locks the row: what is compared stays so.
    const { rows: former } = await tx.execute<{ name: string }>(sql`select ebb.rename_tenant(${name}) as name`);
    const { rows } = await tx.execute<TenantRow>(SHOW_TENANT);
    const tenant = shownTenant(rows);
    await precondition?.({ ...tenant, name: former[0]?.name ?? "" });
    return { result: tenant, audit: { action: "tenant.renamed", subject: tenant.id, detail: {} } };
  });
}
