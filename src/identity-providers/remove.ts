import { and, eq, isNull, sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { identityProviders } from "../db/schema.ts";
import { tellGates } from "../people/tell-gates.ts";
import { type Context, mutate } from "../verb.ts";

interface Ended extends Record<string, unknown> {
  ended: number;
  revoked: number;
  gates: string[];
}

/**
 * Removes a provider of the tenant's own, and ends the sessions and personal access tokens of those for whom it vouched.
 * `effective` says whether the gates have heard it. Throws `not-found`.
 */
export async function removeIdentityProvider(
  context: Context,
  id: Id<"identityProvider">,
): Promise<{ effective: boolean }> {
  const { gates } = await mutate(context, "providers:write", async (tx) => {
    const removed = await tx
      .update(identityProviders)
      .set({ removedAt: sql`ebb.clock()` })
      .where(and(eq(identityProviders.id, id), isNull(identityProviders.removedAt)))
      .returning({ id: identityProviders.id });
    if (removed.length === 0) throw new Problem("not-found");
    const { rows } = await tx.execute<Ended>(
      sql`select * from ebb.end_provider_sessions(${uuidFromId("identityProvider", id)}::uuid)`,
    );
    const [{ ended, revoked, gates }] = rows as [Ended];
    const detail = { ended, revoked };
    return { result: { gates }, audit: { action: "identity-provider.removed", subject: id, detail } };
  });
  return { effective: await tellGates(context.deps, gates) };
}
