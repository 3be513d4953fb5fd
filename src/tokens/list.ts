import { and, asc, eq, gt, type SQL, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import type { Entered } from "../db/app-database.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { credentials } from "../db/schema.ts";
import { type ApiKey, KEY_COLUMNS } from "../keys/list.ts";
import { type Context, read } from "../verb.ts";

/** That a credential is a token of whoever asks; of nobody's in particular none is. */
export function isOwnToken({ personId }: Pick<Entered, "personId">): SQL | undefined {
  if (personId === null) return sql`false`;
  return and(eq(credentials.kind, "personal-access-token"), eq(credentials.personId, personId));
}

/** Of whoever the transaction was entered as, told by Postgres: who that is comes back only with the rows. */
const ofWhoeverAsks = and(
  eq(credentials.kind, "personal-access-token"),
  sql`${credentials.personId} = ebb.acting_person()`,
);

/** The tokens of whoever asks, for the tenant entered, oldest first; ended ones until they are forgotten. */
export async function listTokens(context: Context, page: PageRequest<Id<"credential">>): Promise<Page<ApiKey>> {
  const [rows] = await read(context, "tokens:read", (db) => [
    db
      .select(KEY_COLUMNS)
      .from(credentials)
      .where(and(ofWhoeverAsks, page.after === null ? undefined : gt(credentials.id, page.after)))
      .orderBy(asc(credentials.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
