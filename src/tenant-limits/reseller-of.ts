import { eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { tenants } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

/**
 * The reseller of the client entered. Throws `not-found` for a tenant that is nobody's client. Whether the one who asks
 * stands above the client shows when the reseller is entered next.
 */
export async function resellerOf(context: Context): Promise<Id<"tenant">> {
  const { target } = context;
  const [rows] = await read(context, "limits:write", (db) => [
    db
      .select({ kind: tenants.kind, parentId: tenants.parentId })
      .from(tenants)
      .where(eq(tenants.id, target as Id<"tenant">)),
  ]);
  const [client] = rows;
  if (client?.kind !== "client" || client.parentId === null) throw new Problem("not-found");
  return client.parentId;
}
