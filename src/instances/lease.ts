import type { UserCredential } from "../access/credential.ts";
import { signOfflineLease } from "../access/offline-lease.ts";
import { DAY_MS } from "../core/clock.ts";
import { idFromUuid, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { instantFromSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { takeOfUser } from "../gate/user.ts";
import type { Plan } from "../limits/plans.ts";
import { entitlementsOf } from "../tenants/entitlements.ts";

export interface GivenLease {
  /** A JWT that the published keys verify. */
  lease: string;
  expiresAtMs: number;
  /** How long the tenant lets its instances go on without us. */
  offlineDays: number;
  headers: Record<string, string>;
}

interface LeaseRow {
  /** Why there is none. */
  refused: "instance-deleted" | "token-revoked" | "sign-in-ended" | null;
  client_id: string;
  workspace_id: string;
  plan: Plan;
  offline_lease_days: number;
  ends_at: string;
}

/**
 * Gives the person behind this access token a lease with which the instance can go on without us, for as many days as the
 * tenant allows, and never longer than the sign-in itself could last or the plan that it states. Throws
 * `offline-lease-off` where the tenant allows none, `sign-in-ended`, `instance-deleted`, `token-revoked`, `tenant-suspended`, `tenant-closed`, `quota-exceeded`,
 * `unavailable`.
 */
export async function giveLease(deps: Deps, requestId: string, credential: UserCredential): Promise<GivenLease> {
  const { personId, instanceId, tenantId, familyId } = credential;
  const headers = await takeOfUser(deps, requestId, credential, "profile");
  const [found] = await deps.app.ask("select * from ebb.lease_facts($1, $2, $3)", [
    uuidFromId("tokenFamily", familyId),
    uuidFromId("person", personId),
    uuidFromId("tenant", tenantId),
  ]);
  if (found === undefined) throw new Problem("sign-in-ended", { headers });
  const facts = found as unknown as LeaseRow;
  if (facts.refused !== null) throw new Problem(facts.refused, { headers });
  const offlineDays = Number(facts.offline_lease_days);
  if (offlineDays === 0) throw new Problem("offline-lease-off", { headers });
  const nowMs = deps.clock.now();
  const wanted = Math.min(nowMs + offlineDays * DAY_MS, instantFromSql(facts.ends_at));
  const expiresAtMs = Math.floor(wanted / 1000) * 1000;
  const lease = {
    clientId: facts.client_id,
    personId,
    instanceId,
    tenantId,
    workspaceId: idFromUuid("workspace", facts.workspace_id),
    plan: facts.plan,
    entitlements: entitlementsOf(facts.plan),
  };
  const signed = await signOfflineLease(lease, deps.publicUrl, deps.tokenKeys, { nowMs, expiresAtMs });
  return { lease: signed, expiresAtMs, offlineDays, headers };
}
