import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { familyOf, refuseOverdrawn } from "../tenant-limits/family.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Moves the client or direct customer entered below another reseller, or below the platform owner, which makes it a
 * direct customer. For the platform owner alone (`forbidden`). What the former reseller allotted and the keys it made
 * there end. Throws `conflict` where it cannot lie (a fourth level, a cycle, below what is not active),
 * `plan-not-sufficient` and `allotments-exceed-total`.
 */
export async function moveTenant(context: Context, parentId: Id<"tenant">): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, "tenants:write", async (tx, { tenantId, gateId }) => {
    const { rows } = await tx.execute<{ changed: boolean }>(
      sql`select ebb.move_tenant(${uuidFromId("tenant", parentId)}::uuid) as changed`,
    );
    const changed = rows[0]?.changed === true;
    if (changed) {
      const family = await familyOf(tx, parentId);
      refuseOverdrawn({ ...family, children: family.children.filter((child) => child.tenantId !== tenantId) }, family);
    }
    return { result: gateId, audit: { action: "tenant.moved", subject: tenantId, detail: { to: parentId, changed } } };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
