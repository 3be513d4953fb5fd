import { sql } from "drizzle-orm";
import { hashSecret } from "../access/secret.ts";
import { toHex } from "../core/bytes.ts";
import { newId, uuidFromId } from "../core/id.ts";
import { newGateId, type Region } from "../core/region.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { Plan } from "../limits/plans.ts";
import { invitationToken } from "../people/invitation-token.ts";
import { familyOf, refuseOverdrawn } from "../tenant-limits/family.ts";
import { type Context, mutate } from "../verb.ts";
import type { Tenant } from "./show.ts";

export interface NewTenant {
  kind: "reseller" | "direct" | "client";
  name: string;
  plan: Plan;
  /** Where its gate lives: for good. */
  region: Region;
  /** Who is invited to be its first owner; null: nobody yet. */
  ownerEmail: string | null;
}

/**
 * Makes a tenant below the one entered, with its subscription and its first workspace, and invites its first owner. Throws `conflict` where none of
 * this kind can lie there, and below a reseller `plan-not-sufficient` for a better plan than its own and
 * `allotments-exceed-total` when its clients would together have more than it.
 */
export async function createTenant(context: Context, wanted: NewTenant): Promise<Tenant> {
  const { deps } = context;
  const { tenant, gateId } = await mutate(context, "tenants:write", async (tx, { tenantId: parentId }) => {
    const now = deps.clock.now();
    const { kind, name, plan, region, ownerEmail } = wanted;
    const invitation = newId("invitation", now);
    const hash = `\\x${toHex(await hashSecret(await invitationToken(invitation, deps.routingKeys)))}`;
    const [invited, mail] = [uuidFromId("invitation", invitation), uuidFromId("mail", newId("mail", now))];
    const id = newId("tenant", now);
    const gateId = newGateId(region);
    const [uuid, subscription, workspace] = [
      uuidFromId("tenant", id),
      uuidFromId("subscription", newId("subscription", now)),
      uuidFromId("workspace", newId("workspace", now)),
    ];
    await tx.execute(sql`select ebb.create_tenant(${uuid}::uuid, ${kind}, ${name}, ${plan}, ${region}, ${gateId},
      ${subscription}::uuid, ${workspace}::uuid, ${ownerEmail}, ${invited}::uuid, ${hash}::bytea, ${mail}::uuid)`);
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
