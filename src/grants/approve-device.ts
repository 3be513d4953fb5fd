import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { problemOf } from "../oauth/refusal.ts";
import { formatScope, grantScopes, parseScope } from "../oauth/scope.ts";
import { type Context, mutate } from "../verb.ts";
import { type Claim, claimInstance, moveToTenant, refuseWhoMayNotClaim, triedClaimCode } from "./claim.ts";
import { deviceRequest } from "./device-request.ts";
import { towards } from "./inspect-device.ts";

export interface ApprovedDevice {
  instanceId: Id<"instance">;
  scope: string;
  claimed: boolean;
}

/**
 * Lets the person who asks sign in on the instance that shows this user code, in person or with a personal access token
 * that holds `device:approve`; an unclaimed instance is claimed by it. Granted is what was chosen (all when null) of what
 * was asked for, registered and held by whoever asks. Throws `not-found`, `forbidden`, `conflict` where it was answered
 * before, `invalid-scope`, `claim-code-required`.
 */
export async function approveDevice(
  context: Context,
  userCode: string,
  chosen: readonly string[] | null,
  claim: Claim,
): Promise<ApprovedDevice> {
  const { deps } = context;
  const request = await deviceRequest(deps, userCode);
  const { client } = request;
  const unclaimed = client.tenantId === null;
  if (unclaimed) await refuseWhoMayNotClaim(context);
  const codeHash = unclaimed ? await triedClaimCode(deps, client.clientId, claim.claimCode) : null;
  const approved = await mutate(towards(context, request), "device:approve", async (tx, entered) => {
    const granted = grantScopes({
      requested: parseScope(request.scope),
      registered: parseScope(client.scope),
      permissions: entered.permissions,
      chosen,
    });
    if (!granted.ok) throw new Problem(problemOf(`grant:${granted.reason}`));
    if (unclaimed) await claimInstance(tx, entered, context, client.clientId, claim, codeHash);
    const scope = formatScope(granted.scope);
    const { rows } = await tx.execute<{ instance: string }>(
      sql`select ebb.approve_device(${uuidFromId("deviceCode", request.id)}::uuid, ${scope}) as instance`,
    );
    const instanceId = idFromUuid("instance", rows[0]?.instance as string);
    return {
      result: { instanceId, scope, claimed: unclaimed, gateId: entered.gateId },
      audit: { action: "sign-in.approved", subject: instanceId, detail: { scope } },
    };
  });
  if (unclaimed) await moveToTenant(deps, client.clientId, approved.gateId);
  const { instanceId, scope, claimed } = approved;
  return { instanceId, scope, claimed };
}
