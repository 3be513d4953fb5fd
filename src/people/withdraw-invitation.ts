import { sql } from "drizzle-orm";
import { type Id, uuidFromId } from "../core/id.ts";
import { type Context, mutate } from "../verb.ts";

/**
 * Has an open invitation be accepted by nobody any more. Throws `forbidden`, `not-found`, and of one that has ended
 * `invitation-used` or `invitation-expired`.
 */
export async function withdrawInvitation(context: Context, id: Id<"invitation">): Promise<void> {
  await mutate(context, "members:write", async (tx) => {
    await tx.execute(sql`select ebb.withdraw_invitation(${uuidFromId("invitation", id)}::uuid)`);
    return { result: null, audit: { action: "invitation.withdrawn", subject: id, detail: {} } };
  });
}
