import { sql } from "drizzle-orm";
import { Problem } from "../core/problem.ts";
import { type Context, mutate } from "../verb.ts";
import { SHOW_TENANT, shownTenant, type TenantInFull, type TenantRow } from "./show.ts";

/**
 * Renames the tenant entered. `asBefore` says whether it still is what the caller last saw. Throws `precondition-failed`,
 * and `conflict` for a closed one.
 */
export async function renameTenant(
  context: Context,
  name: string,
  asBefore: (tenant: TenantInFull) => Promise<boolean>,
): Promise<TenantInFull> {
  return await mutate(context, "tenants:write", async (tx) => {
    // First, as it locks the row: what is compared stays so.
    const { rows: former } = await tx.execute<{ name: string }>(sql`select ebb.rename_tenant(${name}) as name`);
    const { rows } = await tx.execute<TenantRow>(SHOW_TENANT);
    const tenant = shownTenant(rows);
    if (!(await asBefore({ ...tenant, name: former[0]?.name ?? "" }))) throw new Problem("precondition-failed");
    return { result: tenant, audit: { action: "tenant.renamed", subject: tenant.id, detail: {} } };
  });
}
