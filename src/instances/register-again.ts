import { toHex } from "../core/bytes.ts";
import { type Id, idFromUuid } from "../core/id.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { gateUnavailable } from "../gate/call.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import type { Idempotency } from "../idempotency.ts";
import type { ClientMetadata } from "../oauth/client-metadata.ts";

/**
 * What makes a registration one that can be repeated for 24 hours. Whether the client has used its secret meanwhile is not
 * asked: only the machine that registered knows the Idempotency-Key, which is as good a proof as the secret in the lost
 * answer, and what it gets is what that machine has anyway.
 */
export interface Repeatable {
  /** SHA-256 of the Idempotency-Key, which is a secret here. */
  keyHash: Uint8Array;
  /** SHA-256 of all that the request says. */
  requestHash: Uint8Array;
}

/** As the first of its kind records it, and under which its repeat is found. */
export function idempotencyOf({ keyHash, requestHash }: Repeatable): Idempotency {
  // A machine that asks again while its first request is under way has to get an answer: it cannot tell the two apart.
  return { key: toHex(keyHash), route: "POST /oauth2/register", requestHash, replayed: false, waits: true };
}

interface Again {
  credentialHash: Uint8Array;
  repeatable: Repeatable;
  /** Of the secret that it has from now on; null of a public client. */
  secretHash: Uint8Array | null;
  place: string | null;
  requestId: Id<"request">;
}

interface AgainRow {
  gate_id: string;
  instance_id: string;
  client_id: string;
  name: string | null;
  scope: string;
  grant_types: ClientMetadata["grantTypes"];
  redirect_uris: string[];
  auth_method: ClientMetadata["authMethod"];
  registered_at: string;
}

/**
 * Gives the instance that registered by this request another secret, as it is registered now; null where none has. Throws
 * `unauthenticated`, `key-expired`, `key-revoked`, `tenant-suspended`, `tenant-closed`, `idempotency-key-reused`,
 * `registration-ended`, and `unavailable` where its gate did not hear of it: the repeat of that makes yet another.
 */
export async function registerAgain(
  deps: Deps,
  { credentialHash, repeatable, secretHash, place, requestId }: Again,
): Promise<{ instanceId: Id<"instance">; clientId: string; metadata: ClientMetadata; issuedAtMs: number } | null> {
  const { key, requestHash } = idempotencyOf(repeatable);
  const [found] = await deps.app.ask("select * from ebb.register_again($1, $2, $3, $4, $5, $6)", [
    bytesToSql(credentialHash),
    key,
    bytesToSql(requestHash),
    secretHash === null ? null : bytesToSql(secretHash),
    place,
    requestId,
  ]);
  if (found === undefined) return null;
  const row = found as unknown as AgainRow;
  // A gate that knows the client by its former secret would refuse the one in this answer, and ask nobody.
  if (!(await deliverOutbox(deps, row.gate_id))) throw gateUnavailable(deps, null);
  return {
    instanceId: idFromUuid("instance", row.instance_id),
    clientId: row.client_id,
    metadata: {
      name: row.name,
      scope: row.scope,
      grantTypes: row.grant_types,
      redirectUris: row.redirect_uris,
      authMethod: row.auth_method,
    },
    issuedAtMs: instantFromSql(row.registered_at),
  };
}
