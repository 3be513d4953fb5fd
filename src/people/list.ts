import { and, asc, gt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { memberships } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";
import { live, type Member, selectMembers } from "./member.ts";

/** Who belongs to the tenant, oldest first. */
export async function listMembers(context: Context, page: PageRequest<Id<"membership">>): Promise<Page<Member>> {
  const after = page.after === null ? undefined : gt(memberships.id, page.after);
  const [rows] = await read(context, "members:read", (db) => [
    selectMembers(db)
      .where(and(live(), after))
      .orderBy(asc(memberships.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
