import { and, eq } from "drizzle-orm";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { refusePastEnd, refuseValidUntil } from "../access/valid-until.ts";
import { type Id, idFromUuid, newId } from "../core/id.ts";
import { can, type Permission } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import type { Entered, Writer } from "../db/app-database.ts";
import { credentials } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";

export interface NewApiKey {
  name: string;
  /** All of the maker's when null. */
  permissions: readonly Permission[] | null;
  /** ms since 1970; null for no end. */
  validUntilMs: number | null;
}

export interface CreatedApiKey {
  id: Id<"credential">;
  permissions: string[];
  createdAt: number;
  /** Shown this once. */
  key: string;
}

/**
 * Makes an API key for the tenant entered. Throws `forbidden` when it would be permitted more than its maker, and
 * `invalid-field` when its end is in the past or after its maker's.
 */
export async function createApiKey(context: Context, wanted: NewApiKey): Promise<CreatedApiKey> {
  const { deps } = context;
  return await mutate(context, "keys:write", async (tx, entered) => {
    const { tenantId, gateId, permissions: own } = entered;
    const permissions = [...(wanted.permissions ?? own)];
    if (wanted.permissions?.some((permission) => !can(own, permission))) throw new Problem("forbidden");
    const now = deps.clock.now();
    refusePastEnd(wanted.validUntilMs, now);
    if ((wanted.validUntilMs ?? Number.POSITIVE_INFINITY) > (await endOfMaker(tx, entered))) {
      refuseValidUntil("must not be after the end of the key that makes it");
    }
    const key = await mintRoutingId("api-key", gateId, deps.routingKeys);
    const id = newId("credential", now);
    await tx.insert(credentials).values({
      id,
      tenantId,
      makerTenantId: entered.actorTenantId,
      kind: "api-key",
      name: wanted.name,
      secretHash: await hashSecret(key),
      permissions,
      createdAt: now,
      validUntil: wanted.validUntilMs,
    });
    return {
      result: { id, permissions, createdAt: now, key },
      audit: { action: "key.created", subject: id, detail: { permissions: permissions.join(" ") } },
    };
  });
}

/** ms since 1970, Infinity for no end. A maker from a tenant above cannot be seen from here: throws `forbidden`. */
async function endOfMaker(tx: Writer, { actorId }: Entered): Promise<number> {
  const [maker] = await tx
    .select({ validUntil: credentials.validUntil })
    .from(credentials)
    .where(and(eq(credentials.id, idFromUuid("credential", actorId)), eq(credentials.kind, "api-key")));
  if (maker === undefined) throw new Problem("forbidden");
  return maker.validUntil ?? Number.POSITIVE_INFINITY;
}
