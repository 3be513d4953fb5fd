import { USER_TOKEN_LIFETIME_S } from "../access/access-token.ts";
import { CLOCK_SKEW_S } from "../access/signed-claims.ts";
import { authenticateClient, type ClientSecret } from "../clients/authenticate.ts";
import { uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { instantToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { gateUnavailable } from "../gate/call.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { endSignIn } from "../sign-ins/end.ts";
import { presentedToken } from "./presented-token.ts";
import type { Whence } from "./sign-in-tokens.ts";

/**
 * A client gives a token back (RFC 7009): a refresh token with the whole sign-in, an access token alone. One that was
 * used before is meant as any other: its successor's answer may have been lost. What is no token of ours, or has ended, is
 * as if it had been revoked (section 2.2). Throws `invalid-grant` for a token of another client, which stays,
 * `unavailable` where tokens could still be taken somewhere (section 2.2.1), and what proving the client throws. Returns
 * the RateLimit headers.
 */
export async function revokeToken(
  deps: Deps,
  secret: ClientSecret,
  token: string,
  { requestId, place }: Whence,
): Promise<Record<string, string>> {
  const { headers } = await authenticateClient(deps, requestId, secret);
  const presented = await presentedToken(deps, token);
  if (presented === null) return headers;
  if (presented.clientId !== secret.clientId) throw new Problem("invalid-grant", { headers });
  if (presented.kind === "refresh-token") {
    const { familyId, tenantId } = presented;
    const { effective } = await endSignIn(deps, { familyId, tenantId, reason: null, place, requestId });
    if (!effective) throw gateUnavailable(deps, null);
    return headers;
  }
  const until = deps.clock.now() + (USER_TOKEN_LIFETIME_S + 2 * CLOCK_SKEW_S) * 1000;
  const [row] = await deps.app.ask("select ebb.revoke_access_token($1, $2, $3) as gate", [
    uuidFromId("tenant", presented.tenantId),
    presented.tokenId,
    instantToSql(until),
  ]);
  const gate = row?.["gate"] as string | null | undefined;
  if (gate != null && !(await deliverOutbox(deps, gate))) throw gateUnavailable(deps, null);
  return headers;
}
