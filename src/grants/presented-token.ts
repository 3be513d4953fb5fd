import { verifyAccessToken } from "../access/access-token.ts";
import type { InstanceCredential, UserCredential } from "../access/credential.ts";
import { openRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { type Id, idFromUuid } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";

export interface PresentedRefreshToken {
  kind: "refresh-token";
  /** Unused, not void, of a sign-in that has not ended. */
  live: boolean;
  familyId: Id<"tokenFamily">;
  tenantId: Id<"tenant">;
  clientId: string;
  scope: string;
  personId: Id<"person">;
  instanceId: Id<"instance">;
  workspaceId: Id<"workspace"> | null;
  issuedAtMs: number;
  expiresAtMs: number;
}

export type PresentedToken = InstanceCredential | UserCredential | PresentedRefreshToken;

/**
 * What a text shown as a token is (RFC 7009 section 2.1, RFC 7662 section 2.1), whatever the hint said: one of our access
 * tokens, by its signature and times; one of our refresh tokens, live or not; or nothing of ours. Whether it was revoked since,
 * of an access token the gate says. Throws `unavailable`.
 */
export async function presentedToken(deps: Deps, token: string): Promise<PresentedToken | null> {
  if ((await openRoutingId("refresh-token", token, deps.routingKeys)) !== null) return await refreshToken(deps, token);
  try {
    return await verifyAccessToken(token, deps.publicUrl, deps.tokenKeys, deps.clock.now());
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

async function refreshToken(deps: Deps, token: string): Promise<PresentedRefreshToken | null> {
  const hash = bytesToSql(await hashSecret(token));
  const [row] = await deps.app.ask("select * from ebb.refresh_by_hash($1)", [hash]);
  if (row === undefined) return null;
  const workspace = row["workspace_id"] as string | null;
  return {
    kind: "refresh-token",
    live: row["used_at"] === null && row["revoked_at"] === null && row["ended_at"] === null,
    familyId: idFromUuid("tokenFamily", row["family_id"] as string),
    tenantId: idFromUuid("tenant", row["tenant_id"] as string),
    clientId: row["client_id"] as string,
    scope: row["scope"] as string,
    personId: idFromUuid("person", row["person_id"] as string),
    instanceId: idFromUuid("instance", row["instance_id"] as string),
    workspaceId: workspace === null ? null : idFromUuid("workspace", workspace),
    issuedAtMs: instantFromSql(row["issued_at"] as string),
    expiresAtMs: instantFromSql(row["expires_at"] as string),
  };
}
