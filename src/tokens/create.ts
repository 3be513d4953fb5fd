import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { refusePastEnd, refuseValidUntil } from "../access/valid-until.ts";
import { DAY_MS } from "../core/clock.ts";
import { type Id, newId } from "../core/id.ts";
import type { Permission } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import { credentials } from "../db/schema.ts";
import { boundsOfMaker } from "../keys/maker.ts";
import { type Context, mutate } from "../verb.ts";

/** How long a token lives unless its person says otherwise, and at most. */
const USUAL_MS = 90 * DAY_MS;
const LONGEST_MS = 366 * DAY_MS;

export interface NewToken {
  name: string;
  /** All that the person may do when null. */
  permissions: readonly Permission[] | null;
  /** ms since 1970; null for 90 days from now. */
  validUntilMs: number | null;
  /** The workspace to which it is bound; null for all. What a bound token makes is bound alike. */
  workspaceId: Id<"workspace"> | null;
}

export interface CreatedToken {
  id: Id<"credential">;
  tenantId: Id<"tenant">;
  name: string;
  permissions: string[];
  workspaceId: Id<"workspace"> | null;
  createdAt: number;
  validUntil: number;
  /** Shown this once: null where the request is repeated. */
  token: string | null;
}

/**
 * Makes a personal access token of whoever asks, in person or with another token of theirs, for the tenant to which they
 * belong. It never does more than their role there allows. Throws `forbidden` for anybody's API key, for a tenant below
 * (a token must not open for good what an operator opens for a reason) and for more than whoever asks may do,
 * `not-found` for a workspace of another tenant, and `invalid-field` for an end in the past, after the maker's or more
 * than a year away.
 */
export async function createToken(context: Context, wanted: NewToken): Promise<CreatedToken> {
  const { deps } = context;
  return await mutate(context, "tokens:write", async (tx, entered) => {
    const { actorKind, actorTenantId, tenantId, gateId, personId, permissions: own } = entered;
    const inPerson = actorKind === "person" || actorKind === "personal-access-token";
    if (!inPerson || personId === null || actorTenantId !== tenantId) throw new Problem("forbidden");
    const permissions = [...new Set(wanted.permissions ?? own)];
    if (permissions.some((permission) => !own.includes(permission))) throw new Problem("forbidden");
    const now = deps.clock.now();
    refusePastEnd(wanted.validUntilMs, now);
    const { end, ...restrictions } = await boundsOfMaker(tx);
    const validUntil = wanted.validUntilMs ?? Math.min(now + USUAL_MS, end);
    if (validUntil > end) refuseValidUntil("must not be after the end of the token that makes it");
    if (validUntil > now + LONGEST_MS) refuseValidUntil("must be within a year");
    const token = await mintRoutingId("personal-access-token", gateId, deps.routingKeys);
    const id = newId("credential", now);
    const made = { id, tenantId, name: wanted.name, permissions, createdAt: now, validUntil };
    const [stored] = await tx
      .insert(credentials)
      .values({
        ...made,
        ...restrictions,
        workspaceId: wanted.workspaceId,
        kind: "personal-access-token",
        personId,
        secretHash: await hashSecret(token),
      })
      .returning({ workspaceId: credentials.workspaceId });
    const workspaceId = stored?.workspaceId ?? null;
    return {
      result: { ...made, workspaceId, token },
      secrets: ["token"],
      audit: { action: "token.created", subject: id, detail: { permissions: permissions.join(" ") } },
    };
  });
}
