import { type Id, newId } from "../core/id.ts";
import { refreshTokens, tokenFamilies } from "../db/schema.ts";
import type { OwnerDatabase } from "../local/owner-connection.ts";
import { owner, type TestTenant } from "./world.ts";

/** That somebody has signed in on an instance, by the ids of what keeps it. */
export interface TestSignIn {
  familyId: Id<"tokenFamily">;
  refreshTokenId: Id<"refreshToken">;
}

export interface WantedSignIn {
  tenant: Pick<TestTenant, "id">;
  person: { id: Id<"person"> };
  /** Any when left out: nothing refers to it. */
  instanceId?: Id<"instance">;
  scope?: string;
  /** The personal access token by which it was approved. */
  credentialId?: Id<"credential">;
}

type RunAsOwner = <T>(fn: (db: OwnerDatabase) => Promise<T>) => Promise<T>;

/** Writes down a sign-in with its first refresh token. `asOwner`: of another database than the one all tests share. */
export async function signInOn(
  { tenant, person, instanceId, scope = "profile:read", credentialId }: WantedSignIn,
  asOwner: RunAsOwner = owner,
): Promise<TestSignIn> {
  const nowMs = Date.now();
  const [familyId, refreshTokenId] = [newId("tokenFamily", nowMs), newId("refreshToken", nowMs)];
  await asOwner(async (db) => {
    await db.insert(tokenFamilies).values({
      id: familyId,
      tenantId: tenant.id,
      instanceId: instanceId ?? newId("instance", nowMs),
      personId: person.id,
      clientId: "ebbc_test",
      scope,
      credentialId: credentialId ?? null,
      startedAt: nowMs,
      renewedAt: nowMs,
    });
    await db.insert(refreshTokens).values({
      id: refreshTokenId,
      familyId,
      tenantId: tenant.id,
      personId: person.id,
      secretHash: crypto.getRandomValues(new Uint8Array(32)),
      issuedAt: nowMs,
    });
  });
  return { familyId, refreshTokenId };
}
