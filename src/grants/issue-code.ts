import { sql } from "drizzle-orm";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantToSql } from "../db/columns.ts";
import type { AuthorizationRequest } from "../oauth/authorization-request.ts";
import type { Context } from "../verb.ts";
import { approve, type Consent } from "./approve.ts";
import { requestingClient } from "./device-request.ts";

/**
 * Lets the person who asks, in person, sign in through the browser on the instance that sent them (RFC 6749 section
 * 4.1.2): returns the code that goes back with the redirect. Throws as `approve` does.
 */
export async function issueCode(
  context: Context,
  clientId: string,
  request: AuthorizationRequest,
  consent: Consent,
): Promise<{ code: string; scope: string }> {
  const { deps } = context;
  const client = await requestingClient(deps, clientId);
  if (client === null) throw new Problem("not-found");
  const asked = { client, scope: request.scope };
  const { code, scope } = await approve(context, asked, consent, async (tx, granted) => {
    const nowMs = deps.clock.now();
    const code = await mintRoutingId("authorization-code", granted.gateId, deps.routingKeys);
    await tx.execute(
      sql`select ebb.issue_code(${uuidFromId("authorizationCode", newId("authorizationCode", nowMs))}::uuid,
            ${bytesToSql(await hashSecret(code))}::bytea, ${clientId}, ${request.redirectUri}, ${request.challenge},
            ${request.scope}, ${granted.scope}, ${instantToSql(nowMs)}::timestamptz)`,
    );
    return { result: { code }, secrets: ["code"] };
  });
  return { code, scope };
}
