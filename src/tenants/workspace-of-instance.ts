import type { InstanceCredential } from "../access/credential.ts";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";

export interface InstanceWorkspace {
  id: Id<"workspace">;
  name: string;
  /** Raised by every change of membership, role or access. */
  generation: number;
}

/**
 * The workspace that an instance is in now. Throws `token-revoked` for an instance that was removed or revoked, also while
 * its gate has not heard of it, `tenant-suspended`, `tenant-closed`, `unavailable`.
 */
export async function workspaceOfInstance(
  { app }: Pick<Deps, "app">,
  { instanceId, tenantId }: Pick<InstanceCredential, "instanceId" | "tenantId">,
): Promise<InstanceWorkspace> {
  const [row] = await app.lookUp("select id, name, generation from ebb.workspace_of_instance($1, $2)", [
    uuidFromId("instance", instanceId),
    uuidFromId("tenant", tenantId),
  ]);
  if (row === undefined) throw new Problem("token-revoked");
  return {
    id: idFromUuid("workspace", row["id"] as string),
    name: row["name"] as string,
    generation: row["generation"] as number,
  };
}
