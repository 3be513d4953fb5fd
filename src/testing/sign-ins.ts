import { type Id, newId } from "../core/id.ts";
import { refreshTokens, tokenFamilies } from "../db/schema.ts";
import type { OwnerDatabase } from "../local/owner-connection.ts";
import { owner, type TestTenant } from "./world.ts";

/** That a person signed in on an instance: its family. */
export type WantedSignIn = Partial<typeof tokenFamilies.$inferInsert>;
type RunAsOwner = <T>(fn: (db: OwnerDatabase) => Promise<T>) => Promise<T>;

/** Puts a live sign-in with one refresh token into Postgres, past the token endpoint. */
export async function signInOn(
  tenant: Pick<TestTenant, "id">,
  instanceId: Id<"instance">,
  personId: Id<"person">,
  wanted: WantedSignIn = {},
  asOwner: RunAsOwner = owner,
): Promise<Id<"tokenFamily">> {
  const nowMs = Date.now();
  const id = wanted.id ?? newId("tokenFamily", nowMs);
  await asOwner(async (db) => {
    await db.insert(tokenFamilies).values({
      tenantId: tenant.id,
      instanceId,
      personId,
      clientId: "ebbc_test",
      scope: "profile:read offline",
      startedAt: nowMs,
      renewedAt: nowMs,
      ...wanted,
      id,
    });
    await db.insert(refreshTokens).values({
      id: newId("refreshToken", nowMs),
      familyId: id,
      tenantId: tenant.id,
      personId,
      secretHash: crypto.getRandomValues(new Uint8Array(32)),
      issuedAt: nowMs,
    });
  });
  return id;
}
