import { openRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { authenticateClient, type ClientSecret, claimedOf, refuseUnregisteredGrant } from "../clients/authenticate.ts";
import { idFromUuid } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantFromSql, nullableInstantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { type CodeFacts, decideCodeExchange } from "../oauth/code-exchange.ts";
import { verifies } from "../oauth/pkce.ts";
import { problemOf } from "../oauth/refusal.ts";
import { endSignIn } from "../sign-ins/end.ts";
import { beginSignIn, type SignInTokens, type Whence } from "./sign-in-tokens.ts";

export interface PresentedCode {
  code: string;
  redirectUri: string | undefined;
  codeVerifier: string | undefined;
}

/**
 * A client exchanges an authorization code for tokens, once (RFC 6749 section 4.1.3, RFC 7636 section 4.6). A code that is
 * shown again ends the sign-in that came of it. Throws `invalid-grant` for any code that is not this client's, live and
 * unused, with its redirect URI and verifier, and what proving the client throws.
 */
export async function redeemCode(
  deps: Deps,
  secret: ClientSecret,
  { code, redirectUri, codeVerifier }: PresentedCode,
  whence: Whence,
): Promise<SignInTokens> {
  const authenticated = await authenticateClient(deps, whence.requestId, secret);
  const { headers } = authenticated;
  refuseUnregisteredGrant(authenticated, "authorization_code");
  // A code is issued for an instance alone, so only one that is claimed has any.
  claimedOf(authenticated);
  const genuine = (await openRoutingId("authorization-code", code, deps.routingKeys)) !== null;
  const hash = bytesToSql(await hashSecret(code));
  for (let again = false; ; again = true) {
    const [row] = genuine ? await deps.app.ask("select * from ebb.code_by_hash($1)", [hash]) : [];
    const facts = row === undefined ? null : factsOf(row);
    const verifierOk = await verifies((row?.["code_challenge"] ?? null) as string | null, codeVerifier);
    const proven = authenticated.secretHash !== null;
    const presented = { clientId: secret.clientId, proven, redirectUri, verifierOk };
    const decision = decideCodeExchange(facts, presented, deps.clock.now());
    if (decision.kind === "refuse") {
      const family = row?.["family_id"] as string | null | undefined;
      if (decision.reason === "replayed" && family != null) {
        await endSignIn(deps, {
          familyId: idFromUuid("tokenFamily", family),
          tenantId: idFromUuid("tenant", row?.["tenant_id"] as string),
          reason: "invalid-grant",
          ...whence,
        });
      }
      throw new Problem(problemOf(`code:${decision.reason}`), { headers });
    }
    try {
      return await beginSignIn(deps, authenticated, "ebb.redeem_code", hash, whence);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Its person is nothing there any more: access_denied is no code of this endpoint (RFC 6749 section 5.2).
      if (error.problem === "access-denied") throw new Problem("invalid-grant", { headers, cause: error });
      // Somebody else showed it at the same moment: two hold it, whichever of them came first.
      if (error.problem !== "invalid-grant" || again) throw error;
    }
  }
}

function factsOf(row: Record<string, unknown>): CodeFacts {
  return {
    clientId: row["client_id"] as string,
    redirectUri: row["redirect_uri"] as string,
    expiresAtMs: instantFromSql(row["expires_at"] as string),
    usedAtMs: nullableInstantFromSql(row["used_at"]),
  };
}
