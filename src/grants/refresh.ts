import { openRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { authenticateClient, type ClientSecret, claimedOf, refuseUnregisteredGrant } from "../clients/authenticate.ts";
import { idFromUuid } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql, instantToSql, nullableInstantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { gateUnavailable } from "../gate/call.ts";
import { decideRefresh, type RefreshFacts } from "../oauth/refresh.ts";
import { problemOf } from "../oauth/refusal.ts";
import { formatScope, intersectScopes, parseScope } from "../oauth/scope.ts";
import { endSignIn } from "../sign-ins/end.ts";
import { newRefreshToken, type SignInTokens, tokensOf, type Whence } from "./sign-in-tokens.ts";

/** Uses of one token at the same moment: the later ones are decided on what the earlier left. */
const MOST_ATTEMPTS = 30;

/**
 * A client exchanges a refresh token for an access token and a successor (RFC 6749 section 6; RFC 9700 section 4.14.2).
 * The one before, within 60 s, counts as an answer that was lost: its unused successor is void and another comes. Anything
 * older ends the sign-in. The access token has of the scope granted what may still be given. Throws `invalid-grant`,
 * `invalid-scope` for more than was granted, and what proving the client throws.
 */
export async function refresh(
  deps: Deps,
  secret: ClientSecret,
  refreshToken: string,
  scope: string | undefined,
  { requestId, place }: Whence,
): Promise<SignInTokens> {
  const authenticated = await authenticateClient(deps, requestId, secret, "refresh");
  const { headers } = authenticated;
  refuseUnregisteredGrant(authenticated, "refresh_token");
  const { gateId } = claimedOf(authenticated);
  const genuine = (await openRoutingId("refresh-token", refreshToken, deps.routingKeys)) !== null;
  const hash = bytesToSql(await hashSecret(refreshToken));
  let decidedOn: string | null = null;
  for (let attempt = 1; ; attempt++) {
    const nowMs = deps.clock.now();
    const [row] = genuine ? await deps.app.ask("select * from ebb.refresh_by_hash($1)", [hash]) : [];
    const facts = row === undefined ? null : factsOf(row);
    // Refused though nothing came between: not the token is at fault, but what it stands on is gone.
    if (decidedOn !== null && decidedOn === JSON.stringify(facts)) throw new Problem("invalid-grant", { headers });
    decidedOn = JSON.stringify(facts);
    const decision = decideRefresh(facts, { clientId: secret.clientId, ...(scope !== undefined && { scope }) }, nowMs);
    if (decision.kind === "refuse") throw new Problem(problemOf(`refresh:${decision.reason}`), { headers });
    if (decision.kind === "reuse") {
      await endSignIn(deps, {
        familyId: idFromUuid("tokenFamily", row?.["family_id"] as string),
        tenantId: idFromUuid("tenant", row?.["tenant_id"] as string),
        reason: "invalid-grant",
        place,
        requestId,
      });
      throw new Problem("invalid-grant", { headers });
    }
    const successor = await newRefreshToken(deps, gateId);
    try {
      const [subject] = await deps.app.ask("select * from ebb.rotate_refresh($1, $2, $3, $4, $5)", [
        row?.["id"],
        decision.voids,
        successor.id,
        successor.hash,
        instantToSql(nowMs),
      ]);
      const issued = subject as Record<string, unknown>;
      const scope = formatScope(intersectScopes(parseScope(decision.scope), parseScope(issued["scope"] as string)));
      return { ...(await tokensOf(deps, issued, { scope, refresh: successor })), headers };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Its person is nothing there any more, or the token that approved it has ended (RFC 6749 section 5.2).
      if (error.problem === "access-denied") throw new Problem("invalid-grant", { headers, cause: error });
      if (error.problem !== "invalid-grant") throw error;
      // The token may be good still: a client that is told otherwise would sign its person out.
      if (attempt === MOST_ATTEMPTS) throw gateUnavailable(deps, error);
    }
  }
}

function factsOf(row: Record<string, unknown>): RefreshFacts {
  const instant = (name: string) => nullableInstantFromSql(row[name]);
  return {
    token: {
      id: row["id"] as string,
      usedAtMs: instant("used_at"),
      revokedAtMs: instant("revoked_at"),
      expiresAtMs: instantFromSql(row["expires_at"] as string),
    },
    family: {
      clientId: row["client_id"] as string,
      endedAtMs: instant("ended_at"),
      scope: row["scope"] as string,
      endsAtMs: instantFromSql(row["family_ends"] as string),
    },
    successor:
      row["successor_id"] === null
        ? null
        : {
            id: row["successor_id"] as string,
            usedAtMs: instant("successor_used_at"),
            revokedAtMs: instant("successor_revoked_at"),
          },
  };
}
