import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Ends somebody's sign-in on an instance of the tenant entered: its refresh tokens at once, its access tokens as soon as
 * the gate has acknowledged it (`effective`). Throws `not-found` for one that is not there or has ended, `forbidden`.
 */
export async function endSignInOnInstance(
  context: Context,
  instanceId: Id<"instance">,
  signInId: Id<"tokenFamily">,
): Promise<{ effective: boolean }> {
  const [instance, family] = [uuidFromId("instance", instanceId), uuidFromId("tokenFamily", signInId)];
  const gateId = await mutate(context, "instances:write", async (tx, entered) => {
    await tx.execute(sql`select ebb.end_sign_ins(${instance}::uuid, ${family}::uuid)`);
    return {
      result: entered.gateId,
      audit: { action: "sign-in.ended", subject: signInId, detail: { instance: instanceId } },
    };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
