import { hashSecret, newSecret } from "../access/secret.ts";
import { changeInNursery } from "../clients/change-in-nursery.ts";
import { claimCodeHash } from "../clients/claim-code.ts";
import type { ClientFacts } from "../core/gate-message.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { gateUnavailable } from "../gate/call.ts";
import type { GrantType } from "../oauth/client-metadata.ts";
import { newClaimCode } from "../oauth/user-code.ts";
import type { Repeatable } from "./register-again.ts";
import type { UnclaimedClient } from "./register-unclaimed.ts";

interface Found {
  clientId: string;
  gateId: string;
  /** By the very request that is repeated now. */
  sameRequest: boolean;
  /** It has the secret that was asked about. */
  sameSecret: boolean;
  claimed: boolean;
}

/** Repeats at the same moment: more than a machine would make. */
const MOST_ATTEMPTS = 5;

/**
 * Gives the unclaimed client that registered by this request another secret and another claim code, as it is registered
 * now; null where none has. Throws `idempotency-key-reused`, `registration-ended` once it was claimed, and `unavailable`
 * where its gate did not hear of it: the repeat of that makes yet another.
 */
export async function registerUnclaimedAgain(
  deps: Deps,
  authMethod: ClientFacts["authMethod"],
  repeatable: Repeatable,
): Promise<Omit<UnclaimedClient, "replayed" | "headers"> | null> {
  const found = await lookUp(deps, repeatable, null);
  if (found === null) return null;
  if (!found.sameRequest) throw new Problem("idempotency-key-reused");
  if (found.claimed) throw new Problem("registration-ended");
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const { secretHash, ...renewed } = await renew(deps, found.clientId, authMethod, repeatable);
    const client = { ...renewed.metadata, registeredAtMs: renewed.issuedAtMs };
    await changeInNursery(deps, { gateId: found.gateId, clientId: found.clientId, secretHash, client });
    // Of two repeats at once the one that writes to the gate last need not be the one that wrote to Postgres last: then
    // its secret is in the one and not in the other, and it makes another.
    const now = await lookUp(deps, repeatable, secretHash);
    if (now === null || now.sameSecret) return renewed;
  }
  throw gateUnavailable(deps, new Error("repeated by several at once"));
}

async function renew(
  deps: Deps,
  clientId: string,
  authMethod: ClientFacts["authMethod"],
  { keyHash }: Repeatable,
): Promise<Omit<UnclaimedClient, "replayed" | "headers"> & { secretHash: Uint8Array | null }> {
  const clientSecret = authMethod === "none" ? null : newSecret();
  const secretHash = clientSecret === null ? null : await hashSecret(clientSecret);
  const claimCode = newClaimCode((length) => crypto.getRandomValues(new Uint8Array(length)));
  const [row] = await deps.app.ask("select * from ebb.register_unclaimed_again($1, $2, $3)", [
    bytesToSql(keyHash),
    secretHash === null ? null : bytesToSql(secretHash),
    bytesToSql(await claimCodeHash(clientId, claimCode)),
  ]);
  if (row === undefined) throw new Problem("registration-ended");
  const metadata = {
    name: row["name"] as string | null,
    scope: row["scope"] as string,
    grantTypes: row["grant_types"] as GrantType[],
    redirectUris: row["redirect_uris"] as string[],
    authMethod,
  };
  const issuedAtMs = instantFromSql(row["registered_at"] as string);
  const expiresAtMs = instantFromSql(row["expires_at"] as string);
  return { clientId, clientSecret, secretHash, claimCode, metadata, issuedAtMs, expiresAtMs };
}

async function lookUp(
  deps: Deps,
  { keyHash, requestHash }: Repeatable,
  secretHash: Uint8Array | null,
): Promise<Found | null> {
  const [row] = await deps.app.ask("select * from ebb.unclaimed_by_idempotency($1, $2, $3)", [
    bytesToSql(keyHash),
    bytesToSql(requestHash),
    secretHash === null ? null : bytesToSql(secretHash),
  ]);
  if (row === undefined) return null;
  return {
    clientId: row["client_id"] as string,
    gateId: row["gate_id"] as string,
    sameRequest: row["same_request"] === true,
    sameSecret: row["same_secret"] === true,
    claimed: row["claimed"] === true,
  };
}
