import { sql } from "drizzle-orm";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Suspends the tenant entered and all below it, or resumes it: pings are answered 200 and not recorded, all else is
 * refused. Only from above (`forbidden`). Changes nothing where it is so already. `effective`: its gate has acknowledged
 * it; gates below ask theirs within 50 s. Throws `conflict` for a closed one.
 */
export async function suspendTenant(context: Context, suspending: boolean): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, "tenants:write", async (tx, { tenantId, gateId }) => {
    const { rows } = await tx.execute<{ changed: boolean }>(sql`select ebb.suspend_tenant(${suspending}) as changed`);
    return {
      result: gateId,
      audit: {
        action: suspending ? "tenant.suspended" : "tenant.resumed",
        subject: tenantId,
        detail: { changed: rows[0]?.changed === true },
      },
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
