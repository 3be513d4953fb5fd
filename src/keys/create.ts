import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { refusePastEnd, refuseValidUntil } from "../access/valid-until.ts";
import { DAY_MS } from "../core/clock.ts";
import { type Id, newId } from "../core/id.ts";
import type { Permission } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import { credentials } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";
import { boundsOfMaker } from "./maker.ts";
import { inherited, type Restrictions, readRestrictions, refuseBeyond } from "./restrictions.ts";

export interface NewApiKey extends Restrictions {
  name: string;
  /** All of the maker's when null. */
  permissions: readonly Permission[] | null;
  /** ms since 1970; null for no end. */
  validUntilMs: number | null;
}

export interface CreatedApiKey extends Restrictions {
  id: Id<"credential">;
  name: string;
  permissions: string[];
  personId: Id<"person"> | null;
  createdAt: number;
  validUntil: number | null;
  /** Shown this once: null where the request is repeated. */
  key: string | null;
}

/**
 * Makes an API key for the tenant entered, which may be one below its maker's. What a person makes, in person or with a
 * key of theirs, does no more than that person's role allows there, for as long as it lives. Throws `forbidden` when it
 * would be permitted more than its maker, and `invalid-field` when its end is in the past or after its maker's, or when
 * it would be taken where its maker's own key is not. What is left out is as its maker's. What an operator makes in a
 * tenant below the platform lasts a day: a reason given once does not open it for good.
 */
export async function createApiKey(context: Context, wanted: NewApiKey): Promise<CreatedApiKey> {
  const { deps } = context;
  const read = readRestrictions(wanted);
  return await mutate(context, "keys:write", async (tx, entered) => {
    const { tenantId, gateId, personId, permissions: own } = entered;
    const permissions = [...new Set(wanted.permissions ?? own)];
    if (permissions.some((permission) => !own.includes(permission))) throw new Problem("forbidden");
    const now = deps.clock.now();
    refusePastEnd(wanted.validUntilMs, now);
    const bounds = await boundsOfMaker(tx);
    const visiting = entered.role === "operator" && entered.actorTenantId !== tenantId;
    const validUntilMs = wanted.validUntilMs ?? (visiting ? Math.min(now + DAY_MS, bounds.end) : null);
    if ((validUntilMs ?? Number.POSITIVE_INFINITY) > bounds.end) {
      refuseValidUntil("must not be after the end of the key that makes it");
    }
    if (visiting && Number(validUntilMs) > now + DAY_MS) refuseValidUntil("must be within a day, for an operator");
    const restrictions = inherited(read, bounds);
    refuseBeyond(restrictions, bounds, "must not reach beyond that of the key that makes it");
    const key = await mintRoutingId("api-key", gateId, deps.routingKeys);
    const id = newId("credential", now);
    const made = { id, name: wanted.name, permissions, personId, createdAt: now, validUntil: validUntilMs };
    await tx.insert(credentials).values({
      ...made,
      ...restrictions,
      tenantId,
      kind: "api-key",
      secretHash: await hashSecret(key),
    });
    return {
      result: { ...made, ...restrictions, key },
      secrets: ["key"],
      audit: { action: "key.created", subject: id, detail: { permissions: permissions.join(" ") } },
    };
  });
}
