import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Ends a legal hold, saying what came of it: what it alone kept goes with the next run of the purge. For the platform
 * owner alone. Throws `forbidden`, and `not-found` for a hold that is none or was released before.
 */
export async function releaseHold(
  context: Context,
  id: Id<"legalHold">,
  outcome: string,
): Promise<{ releasedAt: number }> {
  return await mutate(context, "holds:write", async (tx) => {
    await tx.execute(sql`select ebb.release_hold(${uuidFromId("legalHold", id)}::uuid, ${outcome})`);
    return {
      result: { releasedAt: context.deps.clock.now() },
      audit: { action: "hold.released", subject: id, detail: {} },
    };
  });
}
