import { max, sql } from "drizzle-orm";
import { newId } from "../core/id.ts";
import { workspaces } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";
import type { Workspace } from "./workspace.ts";

export interface NewWorkspace {
  name: string;
  claimCodeRequired: boolean;
}

/** Makes a workspace, of the generation that all of the tenant's have. Names need not be unique. Throws `forbidden`. */
export async function createWorkspace(context: Context, wanted: NewWorkspace): Promise<Workspace> {
  return await mutate(context, "workspaces:write", async (tx, { tenantId }) => {
    const now = context.deps.clock.now();
    // Nobody raises the generation between the look and the insert.
    await tx.execute(sql`select ebb.lock_members()`);
    const [highest] = await tx.select({ generation: max(workspaces.generation) }).from(workspaces);
    const made = { id: newId("workspace", now), ...wanted, generation: highest?.generation ?? 0, createdAt: now };
    await tx.insert(workspaces).values({ ...made, tenantId });
    return {
      result: { ...made, instances: 0, updatedAt: null },
      audit: {
        action: "workspace.created",
        subject: made.id,
        detail: { claim_code_required: wanted.claimCodeRequired },
      },
    };
  });
}
