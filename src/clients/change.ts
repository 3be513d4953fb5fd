import type { ClientFacts } from "../core/gate-message.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { ClientMetadata } from "../oauth/client-metadata.ts";
import { authenticateClient, type ClientSecret } from "./authenticate.ts";
import { changeInNursery } from "./change-in-nursery.ts";

export interface ChangedClient {
  scope: string;
  grantTypes: readonly string[];
  redirectUris: readonly string[];
  authMethod: ClientFacts["authMethod"];
  name: string | null;
  issuedAtMs: number;
  headers: Record<string, string>;
}

/**
 * A client replaces what it registered (RFC 7592 section 2.2), proved by its secret: scopes, grant types and, where it
 * names any, redirect URIs. How it authenticates stays. What people granted before is not widened by it. Throws
 * `invalid-client`, `client-revoked`, `quota-exceeded`, `unavailable`.
 */
export async function changeClient(
  deps: Deps,
  { requestId, place }: { requestId: string; place: string | null },
  secret: ClientSecret,
  wanted: (former: ClientFacts) => ClientMetadata,
): Promise<ChangedClient> {
  const { client: former, gateId, headers, secretHash } = await authenticateClient(deps, requestId, secret);
  // A public client has nothing with which to prove that it is the one that registered.
  if (secretHash === null) throw new Problem("invalid-client", { headers });
  const { scope, grantTypes, redirectUris } = wanted(former);
  const [row] = await deps.app.ask("select * from ebb.change_client($1, $2, $3, $4, $5, $6, $7)", [
    secret.clientId,
    bytesToSql(secretHash),
    scope,
    grantTypes,
    redirectUris,
    place,
    requestId,
  ]);
  if (row === undefined) throw new Problem("invalid-client", { headers });
  const issuedAtMs = instantFromSql(row["registered_at"] as string);
  const client: ClientFacts = { ...former, scope, grantTypes, redirectUris };
  if (row["claimed"] === true) await deliverOutbox(deps, row["gate_id"] as string);
  else await changeInNursery(deps, { gateId, clientId: secret.clientId, secretHash, client });
  return { scope, grantTypes, redirectUris, authMethod: former.authMethod, name: former.name, issuedAtMs, headers };
}
