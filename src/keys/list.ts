import { and, asc, eq, gt, inArray } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { credentials } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";
import type { Restrictions } from "./restrictions.ts";

export interface ApiKey extends Restrictions {
  id: Id<"credential">;
  kind: "api-key" | "personal-access-token" | "client-secret";
  name: string;
  /** What it was given; where it has a person it does no more of it than that person's role allows. */
  permissions: string[];
  /** Whose token it is, or who made the key. */
  personId: Id<"person"> | null;
  /** To which a personal access token is bound; null for all of the tenant's. */
  workspaceId: Id<"workspace"> | null;
  /** Times in ms since 1970; null for what has not happened. */
  createdAt: number;
  /** The hour of its last use. */
  lastUsedAt: number | null;
  validUntil: number | null;
  revokedAt: number | null;
}

/** All of a key but its hash. */
export const KEY_COLUMNS = {
  id: credentials.id,
  kind: credentials.kind,
  name: credentials.name,
  permissions: credentials.permissions,
  personId: credentials.personId,
  workspaceId: credentials.workspaceId,
  allowedNetworks: credentials.allowedNetworks,
  allowedOrigins: credentials.allowedOrigins,
  callsPerHour: credentials.callsPerHour,
  createdAt: credentials.createdAt,
  lastUsedAt: credentials.lastUsedAt,
  validUntil: credentials.validUntil,
  revokedAt: credentials.revokedAt,
};

/** Keys and tokens; not what an instance proves itself with. */
export const isKey = inArray(credentials.kind, ["api-key", "personal-access-token"]);

/**
 * The tenant's API keys and its people's personal access tokens, oldest first; ended ones until they are forgotten.
 * Never the secrets themselves.
 */
export async function listApiKeys(context: Context, page: PageRequest<Id<"credential">>): Promise<Page<ApiKey>> {
  const [rows] = await read(context, "keys:read", (db) => [
    db
      .select(KEY_COLUMNS)
      .from(credentials)
      .where(and(isKey, page.after === null ? undefined : gt(credentials.id, page.after)))
      .orderBy(asc(credentials.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}

/** One of them. Throws `not-found`. */
export async function showApiKey(context: Context, id: Id<"credential">): Promise<ApiKey> {
  const [[key]] = await read(context, "keys:read", (db) => [
    db
      .select(KEY_COLUMNS)
      .from(credentials)
      .where(and(isKey, eq(credentials.id, id))),
  ]);
  if (key === undefined) throw new Problem("not-found");
  return key;
}
