import { Problem } from "../core/problem.ts";
import type { Writer } from "../db/app-database.ts";
import { problemOf } from "../oauth/refusal.ts";
import { formatScope, grantScopes, parseScope } from "../oauth/scope.ts";
import { type Change, type Context, mutate } from "../verb.ts";
import { type Claim, claimInstance, claimTarget, moveToTenant, triedClaimCode } from "./claim.ts";
import type { RequestingClient } from "./device-request.ts";
import { towards } from "./inspect-device.ts";

/** What somebody decided about a sign-in for which they were asked. */
export interface Consent {
  /** Of the scopes asked for; all of them when null. */
  chosen: readonly string[] | null;
  claim: Claim;
}

/** A client that asks for somebody's sign-in, and the scopes that it asks for. */
export interface AskedConsent {
  client: RequestingClient;
  scope: string;
}

/** What is granted, and the gate of the tenant in which it is. */
export interface Grant {
  scope: string;
  gateId: string;
}

/**
 * Lets the person who asks sign in on an instance: `record` keeps that in the same transaction. An unclaimed instance is
 * claimed by it, which the audit tells; a sign-in leaves an event once the client has its tokens. Granted is what was
 * chosen of what was asked for, registered and held by whoever asks. Throws `not-found`, `forbidden`, `invalid-scope`,
 * `claim-code-required`, `claim-code-locked` and what `record` throws.
 */
export async function approve<T>(
  context: Context,
  { client, scope: requested }: AskedConsent,
  { chosen, claim }: Consent,
  record: (tx: Writer, grant: Grant) => Promise<Omit<Change<T>, "audit" | "post">>,
): Promise<T & { scope: string }> {
  const { deps } = context;
  const unclaimed = client.tenantId === null;
  const into = unclaimed ? await claimTarget(context, claim.workspaceId) : null;
  const codeHash = unclaimed ? await triedClaimCode(deps, client.clientId, claim.claimCode) : null;
  const approved = await mutate(towards(context, client), "device:approve", async (tx, { permissions, gateId }) => {
    const granted = grantScopes({
      requested: parseScope(requested),
      registered: parseScope(client.scope),
      permissions,
      chosen,
    });
    if (!granted.ok) throw new Problem(problemOf(`grant:${granted.reason}`));
    const audit = into === null ? null : await claimInstance(tx, client.clientId, { into, name: claim.name, codeHash });
    const scope = formatScope(granted.scope);
    const { result, ...kept } = await record(tx, { scope, gateId });
    return {
      ...kept,
      result: { ...result, scope, gateId },
      audit,
    };
  });
  if (unclaimed) await moveToTenant(deps, client.clientId, approved.gateId);
  return approved;
}
