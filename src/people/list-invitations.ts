import { desc, lt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { invitations } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";
import type { MemberRole } from "./member.ts";

export interface Invitation {
  id: Id<"invitation">;
  email: string;
  role: MemberRole;
  /** Null where a key that is nobody's did. */
  invitedBy: Id<"person"> | null;
  /** Times in ms since 1970; null for what has not happened. */
  createdAt: number;
  acceptedAt: number | null;
  revokedAt: number | null;
  validUntil: number;
}

/** Invitations into the tenant, newest first; ended ones for 30 days. Never their tokens. */
export async function listInvitations(
  context: Context,
  page: PageRequest<Id<"invitation">>,
): Promise<Page<Invitation>> {
  const [rows] = await read(context, "members:read", (db) => [
    db
      .select({
        id: invitations.id,
        email: invitations.email,
        role: invitations.role,
        invitedBy: invitations.invitedBy,
        createdAt: invitations.createdAt,
        acceptedAt: invitations.acceptedAt,
        revokedAt: invitations.revokedAt,
        validUntil: invitations.validUntil,
      })
      .from(invitations)
      .where(page.after === null ? undefined : lt(invitations.id, page.after))
      .orderBy(desc(invitations.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
