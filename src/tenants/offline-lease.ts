import { sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Context, mutate } from "../verb.ts";

/** The most days for which an offline lease can be given. */
export const LONGEST_LEASE_DAYS = 30;

/**
 * Sets for how many days, 0 to 30, instances of the tenant entered may go on without us; with 0 they may not. Leases that
 * were given before stay good until their own end. Throws `conflict` for a closed tenant, `forbidden`.
 */
export async function setOfflineLease(context: Context, days: number): Promise<{ id: Id<"tenant">; days: number }> {
  return await mutate(context, "tenants:write", async (tx, { tenantId }) => {
    const { rows } = await tx.execute<{ before: number }>(
      sql`select ebb.set_offline_lease(${days}::integer) as before`,
    );
    return {
      result: { id: tenantId, days },
      audit: {
        action: "tenant.offline-lease-set",
        subject: tenantId,
        detail: { days, before: Number(rows[0]?.before ?? 0) },
      },
    };
  });
}
