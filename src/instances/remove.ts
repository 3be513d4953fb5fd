import { and, eq, isNull, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { credentials, instances } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Removes an instance and revokes its secret; both are forgotten 90 days later. `effective` says whether its gate has
 * acknowledged it: from then on its tokens and its secret are refused. Throws `not-found`, `forbidden`.
 */
export async function removeInstance(context: Context, id: Id<"instance">): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, "instances:delete", async (tx, entered) => {
    const [removed] = await tx
      .update(instances)
      // The database's clock: rows expire by it.
      .set({ removedAt: sql`ebb.clock()` })
      .where(and(eq(instances.id, id), isNull(instances.removedAt)))
      .returning({ clientId: instances.clientId });
    if (removed === undefined) throw new Problem("not-found");
    await tx
      .update(credentials)
      .set({ revokedAt: sql`ebb.clock()` })
      .where(and(eq(credentials.instanceId, id), isNull(credentials.revokedAt)));
    const removedAtMs = context.deps.clock.now();
    return {
      result: entered.gateId,
      audit: { action: "instance.removed", subject: id, detail: {} },
      post: [{ kind: "instance-removed", instanceId: id, clientId: removed.clientId, removedAtMs }],
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
