import { asc, eq, isNull } from "drizzle-orm";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { refusePastEnd } from "../access/valid-until.ts";
import { type Id, newId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { registrationKeys, workspaces } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";

export interface NewRegistrationKey {
  name: string;
  reusable: boolean;
  /** ms since 1970; null for no end. */
  validUntilMs: number | null;
  /** The tenant's first workspace when null. */
  workspaceId: Id<"workspace"> | null;
}

export interface CreatedRegistrationKey {
  id: Id<"registrationKey">;
  workspaceId: Id<"workspace">;
  createdAt: number;
  /** Shown this once; null in the repeat of an idempotent request. */
  key: string | null;
}

/**
 * Makes a key with which instances register into a workspace. Throws `not-found` for a workspace of another tenant and
 * `invalid-field` for an end in the past.
 */
export async function createRegistrationKey(
  context: Context,
  wanted: NewRegistrationKey,
): Promise<CreatedRegistrationKey> {
  const { deps } = context;
  return await mutate(context, "registration-keys:write", async (tx, { tenantId, gateId }) => {
    const now = deps.clock.now();
    refusePastEnd(wanted.validUntilMs, now);
    const [workspace] = await tx
      .select({ id: workspaces.id })
      .from(workspaces)
      .where(wanted.workspaceId === null ? isNull(workspaces.removedAt) : eq(workspaces.id, wanted.workspaceId))
      .orderBy(asc(workspaces.id))
      .limit(1);
    if (workspace === undefined) throw new Problem("not-found");
    const key = await mintRoutingId("registration-key", gateId, deps.routingKeys);
    const id = newId("registrationKey", now);
    await tx.insert(registrationKeys).values({
      id,
      tenantId,
      workspaceId: workspace.id,
      name: wanted.name,
      secretHash: await hashSecret(key),
      reusable: wanted.reusable,
      uses: 0,
      createdAt: now,
      validUntil: wanted.validUntilMs,
    });
    return {
      result: { id, workspaceId: workspace.id, createdAt: now, key },
      secrets: ["key"],
      audit: { action: "registration-key.created", subject: id, detail: { reusable: wanted.reusable } },
    };
  });
}
