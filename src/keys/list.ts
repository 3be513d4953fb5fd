import { and, asc, eq, gt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { credentials } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface ApiKey {
  id: Id<"credential">;
  name: string;
  permissions: string[];
  /** Times in ms since 1970; null for what has not happened. */
  createdAt: number;
  validUntil: number | null;
  revokedAt: number | null;
}

/** The tenant's API keys, oldest first; ended ones until they are forgotten. Never the keys themselves. */
export async function listApiKeys(context: Context, page: PageRequest<Id<"credential">>): Promise<Page<ApiKey>> {
  const [rows] = await read(context, "keys:read", (db) => [
    db
      .select({
        id: credentials.id,
        name: credentials.name,
        permissions: credentials.permissions,
        createdAt: credentials.createdAt,
        validUntil: credentials.validUntil,
        revokedAt: credentials.revokedAt,
      })
      .from(credentials)
      .where(and(eq(credentials.kind, "api-key"), page.after === null ? undefined : gt(credentials.id, page.after)))
      .orderBy(asc(credentials.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
