import { and, eq, sql } from "drizzle-orm";
import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { type Id, idFromUuid, newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { instantFromSql } from "../db/columns.ts";
import { credentials } from "../db/schema.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";
import type { CreatedApiKey } from "./create.ts";
import { KEY_COLUMNS } from "./list.ts";
import { boundsOfMaker } from "./maker.ts";
import { beyond } from "./restrictions.ts";

export interface RotatedApiKey extends CreatedApiKey {
  formerId: Id<"credential">;
  /** ms since 1970. */
  formerValidUntil: number;
}

/**
 * Makes the successor of an API key: the same name, permissions, restrictions and end. The former one is valid for
 * `overlapS` seconds more (up to 30 days), never longer than it was. A key may rotate itself; its successor has what it
 * may do now. The successor has the person who rotates, or else the former's. Throws `not-found`, `forbidden` where the
 * successor would be more than whoever asks, and `conflict` for a key that has ended.
 */
export async function rotateApiKey(
  context: Context,
  formerId: Id<"credential">,
  overlapS: number,
): Promise<RotatedApiKey & { effective: boolean }> {
  const { deps, requestId } = context;
  const rotated = await mutate(context, "keys:write", async (tx, entered) => {
    const { actorId, tenantId, gateId, permissions: own, personId } = entered;
    const [former] = await tx
      .select(KEY_COLUMNS)
      .from(credentials)
      .where(and(eq(credentials.id, formerId), eq(credentials.kind, "api-key")))
      // Of two at once the second sees that the first has ended it.
      .for("update");
    if (former === undefined) throw new Problem("not-found");
    const itself = entered.actorKind === "api-key" && idFromUuid("credential", actorId) === formerId;
    const permissions = itself ? own : former.permissions;
    const bounds = await boundsOfMaker(tx);
    const end = former.validUntil ?? Number.POSITIVE_INFINITY;
    const isMore = permissions.some((permission) => !own.includes(permission)) || beyond(former, bounds).length > 0;
    if (isMore || end > bounds.end) throw new Problem("forbidden");
    const key = await mintRoutingId("api-key", gateId, deps.routingKeys);
    const now = deps.clock.now();
    const id = newId("credential", now);
    const { name, allowedNetworks, allowedOrigins, callsPerHour, validUntil } = former;
    const made = {
      id,
      name,
      permissions,
      personId: personId ?? former.personId,
      createdAt: now,
      validUntil,
      allowedNetworks,
      allowedOrigins,
      callsPerHour,
    };
    await tx.insert(credentials).values({
      ...made,
      tenantId,
      kind: "api-key",
      secretHash: await hashSecret(key),
    });
    const [uuid, next] = [uuidFromId("credential", formerId), uuidFromId("credential", id)];
    const { rows } = await tx.execute<{ ends: string | Date }>(
      sql`select ebb.rotate_key(${uuid}::uuid, ${next}::uuid, ${overlapS}::integer, ${requestId}) as ends`,
    );
    const formerValidUntil = instantFromSql(rows[0]?.ends as Date);
    return {
      result: { ...made, key, formerId, formerValidUntil, gateId },
      secrets: ["key"],
      audit: { action: "key.rotated", subject: formerId, detail: { successor: id, overlap_s: overlapS } },
    };
  });
  return { ...rotated, effective: await deliverOutbox(deps, rotated.gateId) };
}
