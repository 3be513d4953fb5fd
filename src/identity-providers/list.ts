import { and, asc, gt, isNull } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { identityProviders } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

export interface IdentityProvider {
  id: Id<"identityProvider">;
  name: string;
  issuer: string;
  clientId: string;
  /** ms since 1970. */
  createdAt: number;
}

/** The tenant's own OpenID providers, oldest first, without their secrets. */
export async function listIdentityProviders(
  context: Context,
  page: PageRequest<Id<"identityProvider">>,
): Promise<Page<IdentityProvider>> {
  const [rows] = await read(context, "providers:read", (db) => [
    db
      .select({
        id: identityProviders.id,
        name: identityProviders.name,
        issuer: identityProviders.issuer,
        clientId: identityProviders.clientId,
        createdAt: identityProviders.createdAt,
      })
      .from(identityProviders)
      .where(
        and(
          isNull(identityProviders.removedAt),
          page.after === null ? undefined : gt(identityProviders.id, page.after),
        ),
      )
      .orderBy(asc(identityProviders.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
