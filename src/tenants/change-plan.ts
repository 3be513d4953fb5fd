import { eq, sql } from "drizzle-orm";
import { newId, uuidFromId } from "../core/id.ts";
import { tenants } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { Plan } from "../limits/plans.ts";
import { familyOf, refuseOverdrawn } from "../tenant-limits/family.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Puts the tenant entered on a plan for so many seats (null: any number), or with a null plan ends its subscription: what it has is kept for 30 or 90 days from then.
 * Only from above (`forbidden`). Windows of its own that the plan does not allow go back to the schedule's. Throws
 * `plan-not-sufficient` for a better plan than its reseller's, `conflict` for a lesser one than a client's,
 * `allotments-exceed-total`, and `no-seat-left` for fewer seats than are taken.
 */
export async function changePlan(
  context: Context,
  plan: Plan | null,
  seats: number | null = null,
): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, "subscriptions:write", async (tx, { tenantId, gateId }) => {
    const id = uuidFromId("subscription", newId("subscription", context.deps.clock.now()));
    const { rows } = await tx.execute<{ before: Plan }>(
      sql`select ebb.change_plan(${id}::uuid, ${plan}, ${seats}::integer) as before`,
    );
    const before = rows[0]?.before ?? "free";
    const [tenant] = await tx.select({ parentId: tenants.parentId }).from(tenants).where(eq(tenants.id, tenantId));
    if (tenant?.parentId != null) {
      const above = await familyOf(tx, tenant.parentId);
      const children = above.children.map((child) =>
        child.tenantId === tenantId ? { ...child, plan: before } : child,
      );
      refuseOverdrawn({ ...above, children }, above);
    }
    const own = await familyOf(tx, tenantId);
    refuseOverdrawn({ ...own, parent: { ...own.parent, plan: before } }, own);
    return {
      result: gateId,
      audit: {
        action: plan === null ? "subscription.ended" : "subscription.changed",
        subject: tenantId,
        detail: { from: before, to: plan, ...(plan !== null && { seats }) },
      },
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
