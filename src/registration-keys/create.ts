import { and, asc, eq, isNull } from "drizzle-orm";
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
  /** How many instances may register with it, where it is reusable; null for any number. */
  maxUses: number | null;
  /** What the names of its instances begin with; null: they get none. */
  namePrefix: string | null;
  /** ms since 1970; null for no end. */
  validUntilMs: number | null;
  /** The tenant's first workspace when null. */
  workspaceId: Id<"workspace"> | null;
}

export interface CreatedRegistrationKey {
  id: Id<"registrationKey">;
  workspaceId: Id<"workspace">;
  maxUses: number | null;
  createdAt: number;
  /** Shown this once; null in the repeat of an idempotent request. */
  key: string | null;
}

/** The most instances that a cap may allow. */
export const MOST_USES = 100_000;

/**
 * Makes a key with which instances register into a workspace. One that is not reusable is for one use. Throws `not-found`
 * for a workspace that is not there, and `invalid-field` for an end in the past or a cap that contradicts `reusable`.
 */
export async function createRegistrationKey(
  context: Context,
  wanted: NewRegistrationKey,
): Promise<CreatedRegistrationKey> {
  const { deps } = context;
  return await mutate(context, "registration-keys:write", async (tx, { tenantId, gateId }) => {
    const now = deps.clock.now();
    refusePastEnd(wanted.validUntilMs, now);
    const maxUses = usesOf(wanted);
    const [workspace] = await tx
      .select({ id: workspaces.id })
      .from(workspaces)
      .where(
        and(
          isNull(workspaces.removedAt),
          wanted.workspaceId === null ? undefined : eq(workspaces.id, wanted.workspaceId),
        ),
      )
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
      maxUses,
      namePrefix: wanted.namePrefix,
      uses: 0,
      createdAt: now,
      validUntil: wanted.validUntilMs,
    });
    return {
      result: { id, workspaceId: workspace.id, maxUses, createdAt: now, key },
      secrets: ["key"],
      audit: {
        action: "registration-key.created",
        subject: id,
        detail: { reusable: wanted.reusable, max_uses: maxUses },
      },
    };
  });
}

function usesOf({ reusable, maxUses }: NewRegistrationKey): number | null {
  if (reusable) return maxUses;
  if (maxUses === null || maxUses === 1) return 1;
  throw new Problem("invalid-field", {
    errors: [{ path: "max_uses", message: "is 1 for a key that is not reusable" }],
  });
}
