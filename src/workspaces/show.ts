import type { Id } from "../core/id.ts";
import { type Context, read } from "../verb.ts";
import { live, selectWorkspaces, theOne, type Workspace } from "./workspace.ts";

/** One workspace of the tenant. Throws `not-found`. */
export async function showWorkspace(context: Context, id: Id<"workspace">): Promise<Workspace> {
  const [rows] = await read(context, "workspaces:read", (db) => [selectWorkspaces(db).where(live(id))]);
  return theOne(rows);
}
