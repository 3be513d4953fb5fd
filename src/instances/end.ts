import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Ends an instance: its client's secret, its tokens and the sign-ins on it with their refresh tokens, in one transaction.
 * `effective` says whether its gate has acknowledged it: from then on all of them are refused.
 */
export async function endInstance(
  context: Context,
  id: Id<"instance">,
  { removing }: { removing: boolean },
): Promise<{ effective: boolean }> {
  const uuid = uuidFromId("instance", id);
  const gateId = await mutate(context, "instances:delete", async (tx, entered) => {
    const { rows } = await tx.execute<{ changed: boolean }>(
      sql`select ebb.end_instance(${uuid}::uuid, ${removing}) as changed`,
    );
    return {
      result: entered.gateId,
      audit: removing
        ? { action: "instance.removed", subject: id, detail: {} }
        : { action: "instance.revoked", subject: id, detail: { changed: rows[0]?.changed === true } },
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
