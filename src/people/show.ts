import type { Id } from "../core/id.ts";
import { type Context, read } from "../verb.ts";
import { live, type Member, selectMembers, theOne } from "./member.ts";

/** One member of the tenant. Throws `not-found`. */
export async function showMember(context: Context, id: Id<"membership">): Promise<Member> {
  const [rows] = await read(context, "members:read", (db) => [selectMembers(db).where(live(id))]);
  return theOne(rows);
}
