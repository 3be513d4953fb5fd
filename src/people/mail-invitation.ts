import { eq } from "drizzle-orm";
import { type Id, newId } from "../core/id.ts";
import type { Writer } from "../db/app-database.ts";
import { mailOutbox, people, tenants } from "../db/schema.ts";

export interface InvitationMail {
  id: Id<"invitation">;
  tenantId: Id<"tenant">;
  address: string;
  role: string;
  invitedBy: Id<"person"> | null;
  nowMs: number;
}

/** Queues the mail of an invitation. It holds no secret: whoever sends it makes the token from the id and a key of ours. */
export async function queueInvitationMail(tx: Writer, mail: InvitationMail): Promise<void> {
  const { id, tenantId, address, role, invitedBy, nowMs } = mail;
  const [tenant] = await tx.select({ name: tenants.name }).from(tenants).where(eq(tenants.id, tenantId));
  // Somebody of a tenant above is not to be seen from here, and stays unnamed.
  const [inviter] =
    invitedBy === null ? [] : await tx.select({ name: people.name }).from(people).where(eq(people.id, invitedBy));
  await tx.insert(mailOutbox).values({
    id: newId("mail", nowMs),
    tenantId,
    recipient: address,
    template: "invitation",
    parameters: { invitation_id: id, tenant_name: tenant?.name ?? "", inviter: inviter?.name ?? null, role },
    attempts: 0,
    recordedAt: nowMs,
  });
}
