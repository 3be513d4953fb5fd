import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Removes a workspace in which no instance is; registration keys that lead into it are revoked. Throws `not-found`, and
 * `workspace-not-empty` also of the last one.
 */
export async function removeWorkspace(context: Context, id: Id<"workspace">): Promise<void> {
  await mutate(context, "workspaces:write", async (tx) => {
    await tx.execute(sql`select ebb.remove_workspace(${uuidFromId("workspace", id)}::uuid)`);
    return { result: null, audit: { action: "workspace.removed", subject: id, detail: {} } };
  });
}
