import { signUserToken } from "../access/access-token.ts";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { type Id, idFromUuid, newId, uuidFromId } from "../core/id.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";

/** What a client is given for a person's sign-in (RFC 6749 section 5.1). */
export interface SignInTokens {
  accessToken: string;
  expiresInS: number;
  scope: string;
  /** Null for a client that has not registered for refreshing. */
  refreshToken: string | null;
  headers: Record<string, string>;
}

export interface NewRefreshToken {
  token: string;
  /** As parameters of SQL: its id and its hash. */
  id: string;
  hash: string;
}

/** A refresh token of the tenant's gate, with what is stored of it. */
export async function newRefreshToken(deps: Deps, gateId: string): Promise<NewRefreshToken> {
  const token = await mintRoutingId("refresh-token", gateId, deps.routingKeys);
  const id = uuidFromId("refreshToken", newId("refreshToken", deps.clock.now()));
  return { token, id, hash: bytesToSql(await hashSecret(token)) };
}

/** Where a request comes from, for the person's history. */
export interface Whence {
  requestId: string;
  /** ISO 3166-1; null where unknown. */
  place: string | null;
}

/** The uuid of a new sign-in. */
export function newFamily(deps: Deps): string {
  return uuidFromId("tokenFamily", newId("tokenFamily", deps.clock.now()));
}

/** Signs the access token of what `ebb.redeem_device`, `ebb.redeem_code` or `ebb.rotate_refresh` returned. */
export async function tokensOf(
  deps: Deps,
  row: Record<string, unknown>,
  { scope = row["scope"] as string, refresh }: { scope?: string; refresh: NewRefreshToken | null },
): Promise<Omit<SignInTokens, "headers">> {
  const notAfter = row["not_after"] as string | Date | null;
  const subject = {
    personId: idFromUuid("person", row["person_id"] as string),
    instanceId: idFromUuid("instance", row["instance_id"] as string),
    tenantId: idFromUuid("tenant", row["tenant_id"] as string),
    workspaceId: idFromUuid("workspace", row["workspace_id"] as string),
    familyId: idFromUuid("tokenFamily", row["family_id"] as string) as Id<"tokenFamily">,
    gateId: row["gate_id"] as string,
    clientId: row["client_id"] as string,
    generation: Number(row["generation"]),
    signedInAtMs: instantFromSql(row["started_at"] as string),
    notAfterMs: notAfter === null ? null : instantFromSql(notAfter),
    scope,
  };
  const { token, expiresInS } = await signUserToken(subject, deps.publicUrl, deps.tokenKeys, deps.clock.now());
  return { accessToken: token, expiresInS, scope, refreshToken: refresh?.token ?? null };
}
