import { hashSecret } from "../access/secret.ts";
import { type Id, idFromUuid } from "../core/id.ts";
import { bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { tellGates } from "./tell-gates.ts";

export interface AcceptedInvitation {
  id: Id<"invitation">;
  tenantId: Id<"tenant">;
  tenantName: string;
  membershipId: Id<"membership">;
  role: string;
}

/**
 * The session's person joins the tenant that invited their verified address. Once; whoever accepted it is told the same
 * again. Throws `not-found` for an unknown token, `invitation-for-another`, `invitation-expired`, `invitation-used`,
 * also where whoever invited may not give that role any more, `conflict` where they are a member already, `tenant-suspended`, `tenant-closed`, `forbidden` for anything but a session,
 * and what proves no credential.
 */
export async function acceptInvitation(
  deps: Deps,
  credentialHash: Uint8Array,
  token: string,
  requestId: string,
): Promise<AcceptedInvitation> {
  const [row = {}] = await deps.app.ask("select * from ebb.accept_invitation($1, $2, $3)", [
    bytesToSql(credentialHash),
    bytesToSql(await hashSecret(token)),
    requestId,
  ]);
  // What the gates do not hear now the cron tells them: whoever joined has joined.
  await tellGates(deps, row["gates"] as string[]);
  return {
    id: idFromUuid("invitation", row["invitation"] as string),
    tenantId: idFromUuid("tenant", row["tenant"] as string),
    tenantName: row["tenant_name"] as string,
    membershipId: idFromUuid("membership", row["membership"] as string),
    role: row["role"] as string,
  };
}

export interface Invited {
  tenantName: string;
  role: string;
  state: "open" | "expired" | "used";
}

/** What the holder of this token is invited to; null for an unknown one. Tells no address. */
export async function showInvitation(deps: Pick<Deps, "app">, token: string): Promise<Invited | null> {
  const [row] = await deps.app.ask("select * from ebb.invitation_of($1)", [bytesToSql(await hashSecret(token))]);
  if (row === undefined) return null;
  return {
    tenantName: row["tenant_name"] as string,
    role: row["role"] as string,
    state: row["state"] as Invited["state"],
  };
}
