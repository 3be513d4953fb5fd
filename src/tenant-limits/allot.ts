import { sql } from "drizzle-orm";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";
import { familyOf, refuseOverdrawn, tenantMessage, withSetting } from "./family.ts";
import { settablePolicy } from "./settable-policy.ts";

/**
 * Sets what the reseller entered allots to one of its clients out of its own tenant-wide limit, or with null nothing in
 * particular: the client then has what its plan says. `effective` says whether the client's gate has acknowledged it.
 * Throws `not-found` for whoever is no client of the reseller, `invalid-field`, and `allotments-exceed-total`.
 */
export async function allotLimit(
  context: Context,
  clientId: Id<"tenant">,
  policyName: string,
  atMost: number | null,
): Promise<{ effective: boolean }> {
  const policy = settablePolicy(policyName, atMost, "tenant");
  const gateId = await mutate(context, "limits:write", async (tx, { tenantId }) => {
    const id = uuidFromId("limitAllotment", newId("limitAllotment", context.deps.clock.now()));
    const client = uuidFromId("tenant", clientId);
    const { rows } = await tx.execute<{ previous: number | null }>(
      sql`select ebb.allot_limit(${id}::uuid, ${client}::uuid, ${policy.name}, ${atMost}::integer) as previous`,
    );
    const family = await familyOf(tx, tenantId);
    const before = family.children.map((child) =>
      child.tenantId === clientId ? withSetting(child, "allotments", policy.name, rows[0]?.previous ?? null) : child,
    );
    refuseOverdrawn({ ...family, children: before }, family);
    const changed = family.children.find((child) => child.tenantId === clientId);
    // Closed: it has no limits any more.
    if (changed === undefined) throw new Problem("not-found");
    await tx.execute(sql`select ebb.post(${client}::uuid, ${JSON.stringify(tenantMessage(changed))}::jsonb)`);
    return {
      result: changed.gateId,
      audit: { action: "limit.allotted", subject: clientId, detail: { policy: policy.name, at_most: atMost } },
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
