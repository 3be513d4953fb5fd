import { and, eq, isNull, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { credentials } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";

/** Revokes an API key of the tenant, the one that asks included, from this instant on. Throws `not-found`. */
export async function revokeApiKey(context: Context, id: Id<"credential">): Promise<void> {
  await mutate(context, "keys:write", async (tx) => {
    const revoked = await tx
      .update(credentials)
      // The database's clock: it is what `ebb.enter` compares with.
      .set({ revokedAt: sql`ebb.clock()` })
      .where(and(eq(credentials.id, id), eq(credentials.kind, "api-key"), isNull(credentials.revokedAt)))
      .returning({ id: credentials.id });
    if (revoked.length === 0) throw new Problem("not-found");
    return { result: undefined, audit: { action: "key.revoked", subject: id, detail: {} } };
  });
}
