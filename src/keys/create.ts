import { mintRoutingId } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { type Id, newId } from "../core/id.ts";
import { can, type Permission } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
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

/** Makes an API key for the tenant entered. Throws `forbidden` when it would be permitted more than its maker. */
export async function createApiKey(context: Context, wanted: NewApiKey): Promise<CreatedApiKey> {
  const { deps } = context;
  return await mutate(context, "keys:write", async (tx, { tenantId, gateId, permissions: own }) => {
    const permissions = [...(wanted.permissions ?? own)];
    if (wanted.permissions?.some((permission) => !can(own, permission))) throw new Problem("forbidden");
    const now = deps.clock.now();
    const key = await mintRoutingId("api-key", gateId, deps.routingKeys);
    const id = newId("credential", now);
    await tx.insert(credentials).values({
      id,
      tenantId,
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
