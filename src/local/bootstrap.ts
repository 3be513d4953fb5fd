import { mintRoutingId, type RoutingKeys } from "../access/routing-id.ts";
import { hashSecret } from "../access/secret.ts";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { PERMISSIONS } from "../core/permission.ts";
import { newGateId, type Region } from "../core/region.ts";
import { credentials, outbox, registrationKeys, subscriptions, tenants, workspaces } from "../db/schema.ts";
import type { OwnerDatabase } from "./owner-connection.ts";

/** What comes before the first credential: the owner of the database writes it, as nobody could be authorised to. */
export interface NewTenant {
  kind: "platform" | "reseller" | "direct" | "client";
  name: string;
  parent: MadeTenant | null;
  plan: "free" | "team" | "enterprise";
  region?: Region;
}

export interface MadeTenant {
  id: Id<"tenant">;
  path: Id<"tenant">[];
  gateId: string;
  workspaceId: Id<"workspace">;
}

/** Makes a tenant with its running subscription and its first workspace, and has its gate told. */
export async function makeTenant(db: OwnerDatabase, wanted: NewTenant, nowMs: number): Promise<MadeTenant> {
  const { kind, name, parent, plan, region = "any" } = wanted;
  const id = newId("tenant", nowMs);
  const gateId = newGateId(region);
  const path = [...(parent?.path ?? []), id];
  const workspaceId = newId("workspace", nowMs);
  // Only resellers are asked whether they are suspended; the platform owner never is.
  const ancestors = kind === "client" && parent !== null ? [parent.gateId] : [];
  await db.transaction(async (tx) => {
    await tx.insert(tenants).values({
      id,
      parentId: parent?.id ?? null,
      path: path.map((tenant) => uuidFromId("tenant", tenant)),
      kind,
      name,
      status: "active",
      homeRegion: region,
      gateId,
      createdAt: nowMs,
    });
    await tx
      .insert(subscriptions)
      .values({ id: newId("subscription", nowMs), tenantId: id, plan, status: "active", startedAt: nowMs });
    await tx
      .insert(workspaces)
      .values({ id: workspaceId, tenantId: id, name: "Default", generation: 0, createdAt: nowMs });
    await tx.insert(outbox).values({
      tenantId: id,
      gateId,
      message: { kind: "tenant", tenantId: id, status: "active", plan, ancestors },
      recordedAt: nowMs,
    });
  });
  return { id, path, gateId, workspaceId };
}

/** Makes an API key that may do all there is for its tenant, and returns it: it is not kept. */
export async function makeOwnersKey(
  db: OwnerDatabase,
  {
    tenant,
    name,
    routingKeys,
    nowMs,
  }: { tenant: Pick<MadeTenant, "id" | "gateId">; name: string; routingKeys: RoutingKeys; nowMs: number },
): Promise<string> {
  const key = await mintRoutingId("api-key", tenant.gateId, routingKeys);
  await db.insert(credentials).values({
    id: newId("credential", nowMs),
    tenantId: tenant.id,
    kind: "api-key",
    name,
    secretHash: await hashSecret(key),
    permissions: PERMISSIONS.filter((permission) => permission !== "instances:register"),
    createdAt: nowMs,
  });
  return key;
}

/** Makes a reusable registration key for the tenant's first workspace, and returns it: it is not kept. */
export async function makeRegistrationKey(
  db: OwnerDatabase,
  { tenant, routingKeys, nowMs }: { tenant: MadeTenant; routingKeys: RoutingKeys; nowMs: number },
): Promise<string> {
  const key = await mintRoutingId("registration-key", tenant.gateId, routingKeys);
  await db.insert(registrationKeys).values({
    id: newId("registrationKey", nowMs),
    tenantId: tenant.id,
    workspaceId: tenant.workspaceId,
    name: "seed",
    secretHash: await hashSecret(key),
    reusable: true,
    uses: 0,
    createdAt: nowMs,
  });
  return key;
}
