import { sql } from "drizzle-orm";
import { newId, uuidFromId } from "../core/id.ts";
import { newGateId, type Region } from "../core/region.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { Plan } from "../limits/plans.ts";
import { familyOf, refuseOverdrawn } from "../tenant-limits/family.ts";
import { type Context, mutate } from "../verb.ts";
import type { Tenant } from "./show.ts";

export interface NewTenant {
  kind: "reseller" | "direct" | "client";
  name: string;
  plan: Plan;
  /** Where its gate lives: for good. */
  region: Region;
}

/**
 * Makes a tenant below the one entered, with its subscription and its first workspace. Throws `conflict` where none of
 * this kind can lie there, and below a reseller `plan-not-sufficient` for a better plan than its own and
 * `allotments-exceed-total` when its clients would together have more than it.
 */
export async function createTenant(context: Context, wanted: NewTenant): Promise<Tenant> {
  const { deps } = context;
  const { tenant, gateId } = await mutate(context, "tenants:write", async (tx, { tenantId: parentId }) => {
    const now = deps.clock.now();
    const { kind, name, plan, region } = wanted;
    const id = newId("tenant", now);
    const gateId = newGateId(region);
    const [uuid, subscription, workspace] = [
      uuidFromId("tenant", id),
      uuidFromId("subscription", newId("subscription", now)),
      uuidFromId("workspace", newId("workspace", now)),
    ];
    await tx.execute(sql`select ebb.create_tenant(${uuid}::uuid, ${kind}, ${name}, ${plan}, ${region}, ${gateId},
      ${subscription}::uuid, ${workspace}::uuid)`);
    const family = await familyOf(tx, parentId);
    refuseOverdrawn({ ...family, children: family.children.filter(({ tenantId }) => tenantId !== id) }, family);
    const tenant: Tenant = { id, parentId, kind, name, status: "active", createdAt: now, closedAt: null };
    return {
      result: { tenant, gateId },
      audit: { action: "tenant.created", subject: id, detail: { kind, plan, region } },
    };
  });
  await deliverOutbox(deps, gateId);
  return tenant;
}
