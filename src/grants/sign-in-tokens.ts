import { signUserToken } from "../access/access-token.ts";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import type { AuthenticatedClient } from "../clients/authenticate.ts";
import { type Id, idFromUuid, newId, uuidFromId } from "../core/id.ts";
import { bytesToSql, instantFromSql, nullableInstantFromSql } from "../db/columns.ts";
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

/** A refresh token of the tenant's gate, and what is stored of it. */
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

/**
 * Begins a sign-in with what somebody approved, a device's request or an authorization code, and uses that up: in one
 * statement, so that of two at once one has the tokens. `codeHash` is the SHA-256 of the code that the client showed, as
 * SQL takes it: a row's id is known to more than whoever has the code. Throws `invalid-grant` where it was used meanwhile,
 * `access-denied` where its person is nothing in the tenant any more.
 */
export async function beginSignIn(
  deps: Deps,
  { clientId, client, gateId, headers }: AuthenticatedClient,
  redeem: "ebb.redeem_device" | "ebb.redeem_code",
  codeHash: string,
  { requestId, place }: Whence,
): Promise<SignInTokens> {
  const refresh = client.grantTypes.includes("refresh_token") ? await newRefreshToken(deps, gateId) : null;
  const [subject] = await deps.app.ask(`select * from ${redeem}($1, $2, $3, $4, $5, $6, $7)`, [
    codeHash,
    clientId,
    uuidFromId("tokenFamily", newId("tokenFamily", deps.clock.now())),
    refresh?.id ?? null,
    refresh?.hash ?? null,
    place,
    requestId,
  ]);
  return { ...(await tokensOf(deps, subject as Record<string, unknown>, { refresh })), headers };
}

/** Signs the access token of a sign-in, as the functions that redeem and rotate return it. */
export async function tokensOf(
  deps: Deps,
  row: Record<string, unknown>,
  { scope = row["scope"] as string, refresh }: { scope?: string; refresh: NewRefreshToken | null },
): Promise<Omit<SignInTokens, "headers">> {
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
    notAfterMs: nullableInstantFromSql(row["not_after"]),
    scope,
  };
  const { token, expiresInS } = await signUserToken(subject, deps.publicUrl, deps.tokenKeys, deps.clock.now());
  return { accessToken: token, expiresInS, scope, refreshToken: refresh?.token ?? null };
}
