import { type Id, idFromUuid } from "../core/id.ts";
import { bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";

export interface OwnWorkspace {
  tenantId: Id<"tenant">;
  tenantName: string;
  workspaceId: Id<"workspace">;
  workspaceName: string;
  claimCodeRequired: boolean;
}

/**
 * The workspaces into which the session's person may claim an instance, of the longest membership first; 100 at most.
 * Throws what `ownPerson` throws.
 */
export async function ownWorkspaces(deps: Pick<Deps, "app">, hash: Uint8Array): Promise<OwnWorkspace[]> {
  const rows = await deps.app.ask("select * from ebb.own_workspaces($1)", [bytesToSql(hash)]);
  return rows.map((row) => ({
    tenantId: idFromUuid("tenant", row["tenant_id"] as string),
    tenantName: row["tenant_name"] as string,
    workspaceId: idFromUuid("workspace", row["workspace_id"] as string),
    workspaceName: row["workspace_name"] as string,
    claimCodeRequired: row["claim_code_required"] as boolean,
  }));
}
