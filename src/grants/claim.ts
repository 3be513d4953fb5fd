import { sql } from "drizzle-orm";
import { openRoutingId } from "../access/routing-id.ts";
import { claimCodeHash } from "../clients/claim-code.ts";
import { forwardClient } from "../clients/claimed-gate.ts";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Writer } from "../db/app-database.ts";
import { bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { normaliseClaimCode } from "../oauth/user-code.ts";
import { type AuditDraft, type Context, read } from "../verb.ts";

/** Into what an unclaimed instance is claimed, by whoever approves its first sign-in. */
export interface Claim {
  /** The token's own workspace when null, or the only one of the tenant. */
  workspaceId: Id<"workspace"> | null;
  /** What the instance has printed; null where the workspace does not ask for it. */
  claimCode: string | null;
  name: string | null;
}

/**
 * The workspace into which whoever asks claims an instance: the one that is named, the one to which their token is bound,
 * or the only one of the tenant. Asked before a try at the code is counted, or anybody who sees a user code could use up
 * the tries of whose instance it is. Throws `forbidden` for who may not claim, `invalid-field` where one must be named.
 */
export async function claimTarget(context: Context, named: Id<"workspace"> | null): Promise<Id<"workspace">> {
  const workspace = named === null ? null : uuidFromId("workspace", named);
  const [{ rows }] = await read(context, "device:approve", (db) => [
    db.execute<{ workspace: string | null }>(sql`select ebb.claim_target(${workspace}::uuid) as workspace`),
  ]);
  const into = rows[0]?.workspace ?? null;
  if (into === null) throw new Problem("invalid-field", { errors: [{ path: "workspace_id", message: "is required" }] });
  return idFromUuid("workspace", into);
}

/**
 * Counts a claim code that was given, before the transaction that uses it: a wrong one stays counted whatever comes of the
 * rest, and after ten the registration is lost. Returns its hash, or null for none. Throws `claim-code-required` for a
 * wrong one, `claim-code-locked` after ten of them.
 */
export async function triedClaimCode(deps: Deps, clientId: string, code: string | null): Promise<Uint8Array | null> {
  if (code === null || code.trim() === "") return null;
  const normalised = normaliseClaimCode(code);
  const hash = await claimCodeHash(clientId, normalised ?? "");
  const [row] = await deps.app.ask("select ebb.try_claim_code($1, $2) as right", [clientId, bytesToSql(hash)]);
  if (row?.["right"] !== true) throw new Problem("claim-code-required");
  return hash;
}

/**
 * Makes an unclaimed instance one of a workspace of the tenant entered, in the transaction that approves its first
 * sign-in: of two at once one claims it. Returns what the audit tells of it. Throws `forbidden`, `not-found`,
 * `claim-code-required`, `claim-code-locked`.
 */
export async function claimInstance(
  tx: Writer,
  clientId: string,
  { into, name, codeHash }: { into: Id<"workspace">; name: string | null; codeHash: Uint8Array | null },
): Promise<AuditDraft> {
  const hash = codeHash === null ? null : bytesToSql(codeHash);
  // Left blank, it keeps the name with which it registered.
  const called = name === null || name.trim() === "" ? null : name.trim();
  const { rows } = await tx.execute<{ instance: string }>(
    sql`select ebb.claim_instance(${clientId}, ${uuidFromId("workspace", into)}::uuid, ${hash}::bytea, ${called}) as instance`,
  );
  const instanceId = idFromUuid("instance", rows[0]?.instance as string);
  // Not the name itself: people give machines theirs, and the audit is kept for seven years.
  return { action: "instance.claimed", subject: instanceId, detail: { workspace: into, named: called !== null } };
}

/** Has the gates hear that a client was claimed: the tenant's gate takes it in, and its nursery sends it on. */
export async function moveToTenant(deps: Deps, clientId: string, gateId: string): Promise<void> {
  const nursery = await openRoutingId("client-id", clientId, deps.routingKeys);
  // First the new one: a client that is sent on finds somebody there.
  await deliverOutbox(deps, gateId);
  if (nursery !== null) await forwardClient(deps, clientId, nursery, gateId);
}
