import { and, eq, isNull, sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { identityProviders } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";

/** Removes a provider of the tenant's own, and ends the sessions of those for whom it vouched. Throws `not-found`. */
export async function removeIdentityProvider(context: Context, id: Id<"identityProvider">): Promise<void> {
  await mutate(context, "providers:write", async (tx) => {
    const removed = await tx
      .update(identityProviders)
      .set({ removedAt: sql`ebb.clock()` })
      .where(and(eq(identityProviders.id, id), isNull(identityProviders.removedAt)))
      .returning({ id: identityProviders.id });
    if (removed.length === 0) throw new Problem("not-found");
    const { rows } = await tx.execute<{ ended: number }>(
      sql`select ebb.end_provider_sessions(${uuidFromId("identityProvider", id)}::uuid) as ended`,
    );
    const ended = rows[0]?.ended ?? 0;
    return { result: undefined, audit: { action: "identity-provider.removed", subject: id, detail: { ended } } };
  });
}
