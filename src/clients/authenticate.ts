import { openRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import type { ClientFacts } from "../core/gate-message.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { admittedHeaders } from "../gate/limit.ts";
import { isNursery } from "../gate/nursery.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type ClaimedClient, type ClientAnswer, PROTOCOL } from "../gate/protocol.ts";
import { claimedGate } from "./claimed-gate.ts";

export interface ClientSecret {
  clientId: string;
  /** Null where the client showed none: only a public one is let in so. */
  clientSecret: string | null;
}

export interface AuthenticatedClient {
  clientId: string;
  /** SHA-256 of the secret; null for a public client. */
  secretHash: Uint8Array | null;
  client: ClientFacts;
  /** Null while nobody has claimed it. */
  claimed: ClaimedClient | null;
  /** RateLimit headers of the answer. */
  headers: Record<string, string>;
}

/**
 * Proves a client by its id and secret (RFC 6749 section 2.3). The id leads to its gate, which holds the secret's hash and
 * says where the client went when it was claimed. Postgres is asked only where a gate has not heard of a client whose id
 * is genuine. Throws `invalid-client`, `client-revoked`, `quota-exceeded`, `unavailable`.
 */
export async function authenticateClient(
  deps: Deps,
  requestId: string,
  { clientId, clientSecret }: ClientSecret,
  routeClass: "token" | "poll" = "token",
): Promise<AuthenticatedClient> {
  const first = await openRoutingId("client-id", clientId, deps.routingKeys);
  if (first === null) throw new Problem("invalid-client");
  const secretHash = clientSecret === null ? null : await hashSecret(clientSecret);
  const ask = (gateId: string): Promise<ClientAnswer> =>
    callGate(deps, gateId, (gate) =>
      gate.authenticateClient({ v: PROTOCOL, gateId, requestId, clientId, secretHash, routeClass }),
    ).catch((error: unknown) => {
      throw gateUnavailable(deps, error);
    });
  let gateId = first;
  let answer = await ask(gateId);
  // A nursery may have missed that a client was claimed: it takes it for unclaimed, and forgets it after its day.
  const mayHaveMoved = answer.outcome === "unknown" || (answer.outcome === "genuine" && answer.claimed === null);
  if (mayHaveMoved && isNursery(gateId)) {
    const to = await claimedGate(deps, clientId, gateId);
    if (to !== null) answer = { outcome: "moved", gateId: to };
  }
  if (answer.outcome === "moved") {
    gateId = answer.gateId;
    answer = await ask(gateId);
  }
  if (answer.outcome === "unknown" && !isNursery(gateId)) {
    const delivered = await deliverOutbox(deps, gateId);
    answer = await ask(gateId);
    // Its registration may still be on the way: a client that is told "unknown" would give up for good.
    if (answer.outcome === "unknown" && !delivered) throw gateUnavailable(deps, null);
  }
  // A tenant's gate forwards nobody.
  if (answer.outcome === "moved") throw gateUnavailable(deps, new Error("forwarded twice"));

  const headers = admittedHeaders(answer.decision);
  switch (answer.outcome) {
    case "genuine":
      return { clientId, secretHash, client: answer.client, claimed: answer.claimed, headers };
    case "revoked":
      // Said before the secret was compared: its hash went with the instance. The id itself is genuine.
      throw new Problem("client-revoked", { headers });
    case "unknown":
    case "wrong-secret":
      throw new Problem("invalid-client", { headers });
    case "limited":
      throw new Problem("quota-exceeded", { headers });
  }
}

/** The client's tenant, instance and gate. Throws `client-unclaimed` for one that nobody has claimed. */
export function claimedOf({ claimed, headers }: AuthenticatedClient): ClaimedClient {
  if (claimed === null) throw new Problem("client-unclaimed", { headers });
  return claimed;
}

/** Throws `unauthorized-client` for a grant that the client has not registered for (RFC 6749 section 5.2). */
export function refuseUnregisteredGrant({ client, headers }: AuthenticatedClient, grant: string): void {
  if (!client.grantTypes.includes(grant)) throw new Problem("unauthorized-client", { headers });
}
