import { asc, gt, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { registrationKeys } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface RegistrationKey {
  id: Id<"registrationKey">;
  workspaceId: Id<"workspace">;
  name: string;
  reusable: boolean;
  /** How many instances may register with it, and how many have; null: any number may. */
  maxUses: number | null;
  uses: number;
  namePrefix: string | null;
  /** Times in ms since 1970; null for what has not happened. */
  createdAt: number;
  usedUpAt: number | null;
  validUntil: number | null;
  revokedAt: number | null;
}

/** The tenant's registration keys, oldest first; ended ones until they are forgotten. Never the keys themselves. */
export async function listRegistrationKeys(
  context: Context,
  page: PageRequest<Id<"registrationKey">>,
): Promise<Page<RegistrationKey>> {
  const [rows] = await read(context, "registration-keys:read", (db) => [
    db
      .select({
        id: registrationKeys.id,
        workspaceId: registrationKeys.workspaceId,
        name: registrationKeys.name,
        reusable: registrationKeys.reusable,
        // Of one for a single use there need be no number: it says so itself.
        maxUses: sql<number | null>`case when ${registrationKeys.reusable} then ${registrationKeys.maxUses} else 1 end`,
        uses: registrationKeys.uses,
        namePrefix: registrationKeys.namePrefix,
        createdAt: registrationKeys.createdAt,
        usedUpAt: registrationKeys.usedUpAt,
        validUntil: registrationKeys.validUntil,
        revokedAt: registrationKeys.revokedAt,
      })
      .from(registrationKeys)
      .where(page.after === null ? undefined : gt(registrationKeys.id, page.after))
      .orderBy(asc(registrationKeys.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
