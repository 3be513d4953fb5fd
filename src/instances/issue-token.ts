import { signAccessToken, TOKEN_LIFETIME_S } from "../access/access-token.ts";
import { authenticateClient, type ClientSecret, claimedOf, refuseUnregisteredGrant } from "../clients/authenticate.ts";
import { Problem } from "../core/problem.ts";
import type { Deps } from "../deps.ts";
import { formatScope, intersectScopes, parseScope } from "../oauth/scope.ts";

export interface IssuedToken {
  accessToken: string;
  expiresInS: number;
  scope: string;
  headers: Record<string, string>;
}

/**
 * Issues an instance's own access token for its client id and secret (RFC 6749 section 4.4). No database is asked but for a
 * client of which its gate has not heard. Of the scope asked for it has what is registered (section 3.3), and all of that
 * when none is asked for. Throws `invalid-scope` where that is nothing, `client-unclaimed` before anybody has claimed it,
 * `unauthorized-client` for a public client, and what proving the client throws.
 */
export async function issueToken(
  deps: Deps,
  requestId: string,
  secret: ClientSecret,
  asked?: string | undefined,
): Promise<IssuedToken> {
  const authenticated = await authenticateClient(deps, requestId, secret);
  const { client, headers, secretHash } = authenticated;
  refuseUnregisteredGrant(authenticated, "client_credentials");
  // Of a client that shows no secret the grants prove nothing (RFC 6749 section 4.4).
  if (secretHash === null) throw new Problem("unauthorized-client", { headers });
  const { instanceId, tenantId, gateId } = claimedOf(authenticated);
  const scope =
    asked === undefined ? client.scope : formatScope(intersectScopes(parseScope(asked), parseScope(client.scope)));
  if (asked !== undefined && scope === "") throw new Problem("invalid-scope", { headers });
  const subject = { instanceId, tenantId, gateId, clientId: secret.clientId, scope };
  const accessToken = await signAccessToken(subject, deps.publicUrl, deps.tokenKeys, deps.clock.now());
  return { accessToken, expiresInS: TOKEN_LIFETIME_S, scope, headers };
}
