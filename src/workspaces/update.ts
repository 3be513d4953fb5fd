import { eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import type { Precondition } from "../core/precondition.ts";
import { Problem } from "../core/problem.ts";
import { workspaces } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";
import type { NewWorkspace } from "./create.ts";
import { live, selectWorkspaces, theOne, type Workspace } from "./workspace.ts";

/** What is left out stays. */
export type WorkspaceChange = Partial<NewWorkspace>;

/**
 * Renames a workspace, or has claiming into it take the instance's code or not. Throws `not-found`, and what the
 * precondition throws of the workspace as it was.
 */
export async function updateWorkspace(
  context: Context,
  id: Id<"workspace">,
  change: WorkspaceChange,
  precondition?: Precondition<Workspace>,
): Promise<Workspace> {
  return await mutate(context, "workspaces:write", async (tx) => {
    const locked = await tx.select({ id: workspaces.id }).from(workspaces).where(live(id)).for("update");
    if (locked.length === 0) throw new Problem("not-found");
    await precondition?.(theOne(await selectWorkspaces(tx).where(live(id))));
    if (Object.keys(change).length > 0) await tx.update(workspaces).set(change).where(eq(workspaces.id, id));
    const { claimCodeRequired } = change;
    return {
      result: theOne(await selectWorkspaces(tx).where(live(id))),
      audit: {
        action: "workspace.changed",
        subject: id,
        detail: {
          fields: Object.keys(change).toSorted().join(" "),
          ...(claimCodeRequired !== undefined && { claim_code_required: claimCodeRequired }),
        },
      },
    };
  });
}
