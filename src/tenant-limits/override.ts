import { eq, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { newId, uuidFromId } from "../core/id.ts";
import type { Writer } from "../db/app-database.ts";
import { tenants } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";
import { familyOf, refuseOverdrawn, tenantMessage, withSetting } from "./family.ts";
import { settablePolicy } from "./settable-policy.ts";

/**
 * Sets a tenant's own limit for a policy instead of its plan's, or with null gives it back to the plan. For the platform
 * owner alone. `effective` says whether the tenant's gate has acknowledged it. Throws `forbidden`, `not-found`,
 * `invalid-field` and, when a reseller's clients would have more than it, `allotments-exceed-total`.
 */
export async function overrideLimit(
  context: Context,
  policyName: string,
  atMost: number | null,
): Promise<{ effective: boolean }> {
  const policy = settablePolicy(policyName, atMost);
  const gateId = await mutate(context, "limits:write", async (tx, { tenantId, gateId }) => {
    const id = uuidFromId("limitOverride", newId("limitOverride", context.deps.clock.now()));
    const { rows } = await tx.execute<{ previous: number | null }>(
      sql`select ebb.override_limit(${id}::uuid, ${policy.name}, ${atMost}::integer) as previous`,
    );
    const previous = rows[0]?.previous ?? null;
    const parentId = await parentOf(tx, tenantId);
    if (parentId !== null) {
      const family = await familyOf(tx, parentId);
      const children = family.children.map((child) =>
        child.tenantId === tenantId ? withSetting(child, "overrides", policy.name, previous) : child,
      );
      refuseOverdrawn({ ...family, children }, family);
    }
    const own = await familyOf(tx, tenantId);
    refuseOverdrawn({ ...own, parent: withSetting(own.parent, "overrides", policy.name, previous) }, own);
    return {
      result: gateId,
      audit: { action: "limit.overridden", subject: tenantId, detail: { policy: policy.name, at_most: atMost } },
      post: [tenantMessage(own.parent)],
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}

async function parentOf(tx: Writer, tenantId: Id<"tenant">): Promise<Id<"tenant"> | null> {
  const [tenant] = await tx.select({ parentId: tenants.parentId }).from(tenants).where(eq(tenants.id, tenantId));
  return tenant?.parentId ?? null;
}
