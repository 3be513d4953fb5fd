import { signAccessToken, TOKEN_LIFETIME_S } from "../access/access-token.ts";
import { openRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { callGate, gateUnavailable } from "../gate/call.ts";
import { admittedHeaders } from "../gate/limit.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type ClientAnswer, PROTOCOL } from "../gate/protocol.ts";

export interface ClientSecret {
  clientId: string;
  clientSecret: string;
}

export interface IssuedToken {
  accessToken: string;
  expiresInS: number;
  scope: string;
  headers: Record<string, string>;
}

/**
 * Issues an instance's access token for its client id and secret (RFC 6749 section 4.4). The client id leads to its
 * gate, which holds the secret's hash: Postgres is asked only when the gate has not yet heard of a client whose id is
 * genuine. Throws `invalid-client`, `client-revoked`, `quota-exceeded`, `unavailable`.
 */
export async function issueToken(
  deps: Deps,
  requestId: string,
  { clientId, clientSecret }: ClientSecret,
): Promise<IssuedToken> {
  const gateId = await openRoutingId("client-id", clientId, deps.routingKeys);
  if (gateId === null) throw new Problem("invalid-client");
  const secretHash = await hashSecret(clientSecret);
  const ask = (): Promise<ClientAnswer> =>
    callGate(deps, gateId, (gate) =>
      gate.authenticateClient({ v: PROTOCOL, gateId, requestId, clientId, secretHash }),
    ).catch((error: unknown) => {
      throw gateUnavailable(deps, error);
    });
  let answer = await ask();
  if (answer.outcome === "unknown") {
    const delivered = await deliverOutbox(deps, gateId);
    answer = await ask();
    // Its registration may still be on the way: a client that is told "unknown" would give up for good.
    if (answer.outcome === "unknown" && !delivered) throw gateUnavailable(deps, null);
  }

  const headers = admittedHeaders(answer.decision);
  switch (answer.outcome) {
    case "genuine": {
      const { instanceId, tenantId, scope } = answer;
      const subject = { instanceId, tenantId, gateId: answer.gateId, clientId, scope };
      const accessToken = await signAccessToken(subject, deps.publicUrl, deps.tokenKeys, deps.clock.now());
      return { accessToken, expiresInS: TOKEN_LIFETIME_S, scope, headers };
    }
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
