import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import type { Permission } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import type { Entered } from "../db/app-database.ts";
import { credentials } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";
import { isKey } from "./list.ts";

/**
 * Revokes an API key of the tenant, the one that asks included, or a token of one of its people: the database refuses it
 * from this instant on. `effective` says whether the tenant's gate, which answers before the database is asked, does
 * too. Throws `not-found`.
 */
export async function revokeApiKey(context: Context, id: Id<"credential">): Promise<{ effective: boolean }> {
  return await revokeWhere(context, "keys:write", id, () => isKey);
}

/** Revokes a credential if it is also such a one: those of others are not found. */
export async function revokeWhere(
  context: Context,
  permission: Permission,
  id: Id<"credential">,
  such: (entered: Entered) => SQL | undefined,
): Promise<{ effective: boolean }> {
  const gateId = await mutate(context, permission, async (tx, entered) => {
    const [revoked] = await tx
      .update(credentials)
      // The database's clock: it is what `ebb.enter` compares with.
      .set({ revokedAt: sql`ebb.clock()` })
      .where(and(eq(credentials.id, id), such(entered), isNull(credentials.revokedAt)))
      .returning({ kind: credentials.kind });
    if (revoked === undefined) throw new Problem("not-found");
    await tx.execute(sql`select ebb.post_revoked_key(${uuidFromId("credential", id)}::uuid)`);
    const action = revoked.kind === "api-key" ? "key.revoked" : "token.revoked";
    return { result: entered.gateId, audit: { action, subject: id, detail: {} } };
  });
  return { effective: await deliverOutbox(context.deps, gateId) };
}
