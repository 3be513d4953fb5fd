import { sql } from "drizzle-orm";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import { instantFromSql } from "../db/columns.ts";
import { type Context, mutate } from "../verb.ts";
import { queueInvitationMail } from "./mail-invitation.ts";

interface Renewed extends Record<string, unknown> {
  email: string;
  role: string;
  valid_until: string;
  invited_by: string | null;
}

/**
 * Sends the mail of an open invitation again; its token stays the same and is good for seven days from now. Returns until
 * when, in ms since 1970. Throws as withdrawing does, and `too-many-invitations` after five mails in a day.
 */
export async function resendInvitation(context: Context, id: Id<"invitation">): Promise<{ validUntil: number }> {
  return await mutate(context, "members:write", async (tx, { tenantId }) => {
    const uuid = uuidFromId("invitation", id);
    const { rows } = await tx.execute<Renewed>(sql`select * from ebb.renew_invitation(${uuid}::uuid)`);
    const [{ email: address, role, valid_until, invited_by }] = rows as [Renewed];
    const invitedBy = invited_by === null ? null : idFromUuid("person", invited_by);
    await queueInvitationMail(tx, { id, tenantId, address, role, invitedBy, nowMs: context.deps.clock.now() });
    return {
      result: { validUntil: instantFromSql(valid_until) },
      audit: { action: "invitation.resent", subject: id, detail: {} },
    };
  });
}
