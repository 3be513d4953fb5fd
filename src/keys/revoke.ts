import { and, eq, isNull, sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { credentials } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Revokes an API key of the tenant, the one that asks included: the database refuses it from this instant on.
 * `effective` says whether the tenant's gate, which answers before the database is asked, does too. Throws `not-found`.
 */
export async function revokeApiKey(context: Context, id: Id<"credential">): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, "keys:write", async (tx, entered) => {
    const revoked = await tx
      .update(credentials)
      // The database's clock: it is what `ebb.enter` compares with.
      .set({ revokedAt: sql`ebb.clock()` })
      .where(and(eq(credentials.id, id), eq(credentials.kind, "api-key"), isNull(credentials.revokedAt)))
      .returning({ id: credentials.id });
    if (revoked.length === 0) throw new Problem("not-found");
    await tx.execute(sql`select ebb.post_revoked_key(${uuidFromId("credential", id)}::uuid)`);
    return { result: entered.gateId, audit: { action: "key.revoked", subject: id, detail: {} } };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
