import { and, eq, isNull, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { registrationKeys } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";

/** Revokes a registration key; instances that registered with it stay. Throws `not-found`. */
export async function revokeRegistrationKey(context: Context, id: Id<"registrationKey">): Promise<void> {
  await mutate(context, "registration-keys:write", async (tx) => {
    const revoked = await tx
      .update(registrationKeys)
      // The database's clock: it is what `ebb.enter` compares with.
      .set({ revokedAt: sql`ebb.clock()` })
      .where(and(eq(registrationKeys.id, id), isNull(registrationKeys.revokedAt)))
      .returning({ id: registrationKeys.id });
    if (revoked.length === 0) throw new Problem("not-found");
    return { result: undefined, audit: { action: "registration-key.revoked", subject: id, detail: {} } };
  });
}
