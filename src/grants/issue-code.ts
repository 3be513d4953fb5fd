import { sql } from "drizzle-orm";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql, instantToSql } from "../db/columns.ts";
import type { AuthorizationRequest } from "../oauth/authorization-request.ts";
import { problemOf } from "../oauth/refusal.ts";
import { formatScope, grantScopes, parseScope } from "../oauth/scope.ts";
import { type Context, mutate } from "../verb.ts";
import { type Claim, claimInstance, moveToTenant, refuseWhoMayNotClaim, triedClaimCode } from "./claim.ts";
import { type RequestingClient, requestingClient } from "./device-request.ts";
import { towards } from "./inspect-device.ts";

/**
 * Lets the person who asks, in person, sign in through the browser on the instance that sent them (RFC 6749 section
 * 4.1.2): returns the code that goes back with the redirect. An unclaimed instance is claimed by it. Throws as
 * `approveDevice` does.
 */
export async function issueCode(
  context: Context,
  clientId: string,
  request: AuthorizationRequest,
  chosen: readonly string[] | null,
  claim: Claim,
): Promise<{ code: string; scope: string }> {
  const { deps } = context;
  const client = await clientOf(context, clientId);
  const unclaimed = client.tenantId === null;
  if (unclaimed) await refuseWhoMayNotClaim(context);
  const codeHash = unclaimed ? await triedClaimCode(deps, client.clientId, claim.claimCode) : null;
  const issued = await mutate(towards(context, { client }), "device:approve", async (tx, entered) => {
    const granted = grantScopes({
      requested: parseScope(request.scope),
      registered: parseScope(client.scope),
      permissions: entered.permissions,
      chosen,
    });
    if (!granted.ok) throw new Problem(problemOf(`grant:${granted.reason}`));
    if (unclaimed) await claimInstance(tx, entered, context, client.clientId, claim, codeHash);
    const nowMs = deps.clock.now();
    const code = await mintRoutingId("authorization-code", entered.gateId, deps.routingKeys);
    const scope = formatScope(granted.scope);
    await tx.execute(
      sql`select ebb.issue_code(${uuidFromId("authorizationCode", newId("authorizationCode", nowMs))}::uuid,
            ${bytesToSql(await hashSecret(code))}::bytea, ${client.clientId}, ${request.redirectUri},
            ${request.challenge}, ${request.scope}, ${scope}, ${instantToSql(nowMs)}::timestamptz)`,
    );
    return {
      result: { code, scope, gateId: entered.gateId },
      secrets: ["code"],
      audit: { action: "sign-in.approved", subject: client.instanceId, detail: { scope } },
    };
  });
  if (unclaimed) await moveToTenant(deps, client.clientId, issued.gateId);
  return { code: issued.code, scope: issued.scope };
}

async function clientOf({ deps }: Context, clientId: string): Promise<RequestingClient> {
  const client = await requestingClient(deps, clientId);
  if (client === null) throw new Problem("not-found");
  return client;
}
