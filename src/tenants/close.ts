import { sql } from "drizzle-orm";
import { uuidFromId } from "../core/id.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Closes the account entered and those below it, or takes that back within 30 days; then everything goes but what law or
 * evidence needs. A closed tenant is entered by its owner in person and from above alone. Changes nothing where it is so
 * already. Throws `not-found` for the platform owner, and `conflict` when what lies above is closed.
 */
export async function closeTenant(context: Context, closing: boolean): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, "tenants:close", async (tx, { tenantId, gateId }) => {
    const { rows } = await tx.execute<{ changed: number }>(sql`select ebb.close_tenant(${closing}) as changed`);
    await tx.execute(sql`select ebb.post_tenants(${uuidFromId("tenant", tenantId)}::uuid)`);
    return {
      result: gateId,
      audit: {
        action: closing ? "tenant.closed" : "tenant.reopened",
        subject: tenantId,
        detail: { tenants: rows[0]?.changed ?? 0 },
      },
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
