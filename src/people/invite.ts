import { sql } from "drizzle-orm";
import { hashSecret } from "../access/secret.ts";
import { toHex } from "../core/bytes.ts";
import { type Id, idFromUuid, newId, uuidFromId } from "../core/id.ts";
import { instantFromSql } from "../db/columns.ts";
import { type Context, mutate } from "../verb.ts";
import { invitationToken } from "./invitation-token.ts";
import type { Invitation } from "./list-invitations.ts";
import { queueInvitationMail } from "./mail-invitation.ts";
import type { MemberRole } from "./member.ts";

interface Invited extends Record<string, unknown> {
  valid_until: string;
  withdrawn: string | null;
  invited_by: string | null;
}

/**
 * Invites an address into the tenant for seven days, and queues the mail: its one-time token goes by that mail alone. An
 * open invitation of the same address is withdrawn. The answer does not depend on whose address it is. With `useSeat` it
 * holds one of the subscription's seats from now on. Throws `forbidden` for a role that the caller may not give,
 * `too-many-invitations` and `no-seat-left`.
 */
export async function invite(context: Context, email: string, role: MemberRole, useSeat: boolean): Promise<Invitation> {
  const { deps } = context;
  return await mutate(context, "members:write", async (tx, { tenantId }) => {
    const now = deps.clock.now();
    const id = newId("invitation", now);
    const address = email.toLowerCase();
    const hash = `\\x${toHex(await hashSecret(await invitationToken(id, deps.routingKeys)))}`;
    const { rows } = await tx.execute<Invited>(
      sql`select * from ebb.invite(${uuidFromId("invitation", id)}::uuid, ${address}::text, ${role}::text, ${hash}::bytea, ${useSeat}::boolean)`,
    );
    const [invited] = rows as [Invited];
    const invitedBy = invited.invited_by === null ? null : idFromUuid("person", invited.invited_by);
    await queueInvitationMail(tx, { id, tenantId, address, role, invitedBy, nowMs: now });
    const withdrawn: Id<"invitation"> | null =
      invited.withdrawn === null ? null : idFromUuid("invitation", invited.withdrawn);
    return {
      result: {
        id,
        email: address,
        role,
        useSeat,
        invitedBy,
        createdAt: now,
        updatedAt: null,
        acceptedAt: null,
        revokedAt: null,
        validUntil: instantFromSql(invited.valid_until),
      },
      audit: { action: "invitation.created", subject: id, detail: { role, use_seat: useSeat, withdrawn } },
    };
  });
}
