import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret, newSecret } from "../access/secret.ts";
import { claimCodeHash } from "../clients/claim-code.ts";
import { DAY_MS } from "../core/clock.ts";
import type { ClientFacts } from "../core/gate-message.ts";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { bytesToSql, instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { takeOrRefuse } from "../gate/limit.ts";
import { nurseryGateId } from "../gate/nursery.ts";
import { platformGateId } from "../gate/platform.ts";
import { PROTOCOL } from "../gate/protocol.ts";
import type { ClientMetadata } from "../oauth/client-metadata.ts";
import { newClaimCode } from "../oauth/user-code.ts";
import type { Repeatable } from "./register-again.ts";
import { registerUnclaimedAgain } from "./register-unclaimed-again.ts";

/** From where a registration comes, for whoever will be asked to claim it. */
export interface Origin {
  /** The network's prefix, by which it is limited; stored nowhere. */
  network: string;
  /** ISO 3166-1, and the name of who runs the network; null where unknown. */
  country: string | null;
  networkOperator: string | null;
}

export interface UnclaimedClient {
  clientId: string;
  /** Shown this once; null for a public client. */
  clientSecret: string | null;
  /** What the instance prints where its operator alone sees it: claiming takes it. */
  claimCode: string;
  issuedAtMs: number;
  /** When it is forgotten unless somebody has claimed it. */
  expiresAtMs: number;
  metadata: ClientMetadata;
  /** It was registered before, by the same request. */
  replayed: boolean;
  headers: Record<string, string>;
}

/**
 * Registers an instance that has no key (RFC 7591): anybody may, so it can do nothing but ask for a sign-in, is limited by
 * network, and is forgotten after 24 hours unless a person claims it. One that prints its claim code may demand that it is
 * claimed with the code alone: whose workspace it comes to is then not for a workspace to waive. A request that is
 * repeated has the same client, and another secret and code. Throws `quota-exceeded`, `unavailable`, and of a repeat
 * `idempotency-key-reused`, `registration-ended`.
 */
export async function registerUnclaimed(
  deps: Deps,
  requestId: Id<"request">,
  metadata: ClientMetadata,
  { network, country, networkOperator }: Origin,
  { claimCodeDemanded, repeatable }: { claimCodeDemanded: boolean; repeatable: Repeatable | null },
): Promise<UnclaimedClient> {
  const headers = await takeOrRefuse(deps, platformGateId(network), {
    requestId,
    routeClass: "register",
    subjects: { network },
  });
  const again = async () => repeatable && (await registerUnclaimedAgain(deps, metadata.authMethod, repeatable));
  const earlier = await again();
  if (earlier !== null) return { ...earlier, replayed: true, headers };
  const nowMs = deps.clock.now();
  const instanceId = newId("instance", nowMs);
  const gateId = nurseryGateId(instanceId);
  const clientId = await mintRoutingId("client-id", gateId, deps.routingKeys);
  const clientSecret = metadata.authMethod === "none" ? null : newSecret();
  const secretHash = clientSecret === null ? null : await hashSecret(clientSecret);
  const claimCode = newClaimCode((length) => crypto.getRandomValues(new Uint8Array(length)));
  const client: ClientFacts = { ...metadata, registeredAtMs: nowMs };
  // The gate first, which is full at some point: whoever registers without a key must not fill the database. What it holds
  // of one that Postgres does not is of no use to anybody, and expires.
  const adopted = await callGate(deps, gateId, (gate) =>
    gate.adopt({ v: PROTOCOL, gateId, clientId, instanceId, secretHash, client, expiresAtMs: nowMs + DAY_MS }),
  ).catch((error: unknown) => {
    throw gateUnavailable(deps, error);
  });
  if (adopted === "full") throw gateUnavailable(deps, new Error("the nursery is full"));
  const [row] = await deps.app.ask(
    "select ebb.register_unclaimed($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as expires_at",
    [
      uuidFromId("instance", instanceId),
      clientId,
      secretHash === null ? null : bytesToSql(secretHash),
      gateId,
      metadata.name,
      metadata.scope,
      metadata.grantTypes,
      metadata.redirectUris,
      metadata.authMethod,
      country,
      networkOperator,
      bytesToSql(await claimCodeHash(clientId, claimCode)),
      claimCodeDemanded,
      repeatable === null ? null : bytesToSql(repeatable.keyHash),
      repeatable === null ? null : bytesToSql(repeatable.requestHash),
    ],
  );
  if (row?.["expires_at"] == null) {
    // The same request came between: what this one has left in a gate is nobody's, and expires.
    const between = await again();
    if (between === null) throw gateUnavailable(deps, new Error("registered, and gone at once"));
    return { ...between, replayed: true, headers };
  }
  const expiresAtMs = instantFromSql(row["expires_at"] as string);
  return { clientId, clientSecret, claimCode, metadata, issuedAtMs: nowMs, expiresAtMs, replayed: false, headers };
}
