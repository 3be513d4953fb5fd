import { hashSecret } from "../access/secret.ts";
import type { ClientFacts } from "../core/gate-message.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { admittedHeaders } from "../gate/limit.ts";
import { type ClaimedClient, type ClientCall, PROTOCOL } from "../gate/protocol.ts";
import { askGateOfClient } from "./ask-gate.ts";

export interface ClientSecret {
  clientId: string;
  /** Null where the client showed none: only a public one is let in so. */
  clientSecret: string | null;
}

export interface AuthenticatedClient {
  clientId: string;
  /** The gate that proved it: a nursery while nobody has claimed it. */
  gateId: string;
  /** SHA-256 of the secret; null for a public client. */
  secretHash: Uint8Array | null;
  client: ClientFacts;
  /** Null while nobody has claimed it. */
  claimed: ClaimedClient | null;
  /** RateLimit headers of the answer. */
  headers: Record<string, string>;
}

/**
 * Proves a client by its id and secret (RFC 6749 section 2.3), whose hash its gate holds. Throws `invalid-client`,
 * `client-revoked`, `quota-exceeded`, `unavailable`.
 */
export async function authenticateClient(
  deps: Deps,
  requestId: string,
  { clientId, clientSecret }: ClientSecret,
  routeClass: NonNullable<ClientCall["routeClass"]> = "token",
): Promise<AuthenticatedClient> {
  const secretHash = clientSecret === null ? null : await hashSecret(clientSecret);
  const asked = await askGateOfClient(deps, clientId, (gate, gateId) =>
    gate.authenticateClient({ v: PROTOCOL, gateId, requestId, clientId, secretHash, routeClass }),
  );
  if (asked === null) throw new Problem("invalid-client");
  const { gateId, answer } = asked;
  const headers = admittedHeaders(answer.decision);
  switch (answer.outcome) {
    case "genuine":
      return { clientId, gateId, secretHash, client: answer.client, claimed: answer.claimed, headers };
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
