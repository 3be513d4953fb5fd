import { and, desc, gt, isNull, lt, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { invitations } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";
import type { MemberRole } from "./member.ts";

export interface Invitation {
  id: Id<"invitation">;
  email: string;
  role: MemberRole;
  /** Whether it holds a seat for whoever accepts it. */
  useSeat: boolean;
  /** Null where a key that is nobody's did. */
  invitedBy: Id<"person"> | null;
  /** Times in ms since 1970; null for what has not happened. */
  createdAt: number;
  updatedAt: number | null;
  acceptedAt: number | null;
  revokedAt: number | null;
  validUntil: number;
}

/** So that it can still be accepted. */
const open = () =>
  and(isNull(invitations.acceptedAt), isNull(invitations.revokedAt), gt(invitations.validUntil, sql`ebb.clock()`));

/** Invitations into the tenant, newest first: those that are open, or also ended ones, for 30 days. Never their tokens. */
export async function listInvitations(
  context: Context,
  page: PageRequest<Id<"invitation">> & { openAlone?: true },
): Promise<Page<Invitation>> {
  const [rows] = await read(context, "members:read", (db) => [
    db
      .select({
        id: invitations.id,
        email: invitations.email,
        role: invitations.role,
        useSeat: invitations.useSeat,
        invitedBy: invitations.invitedBy,
        createdAt: invitations.createdAt,
        updatedAt: invitations.updatedAt,
        acceptedAt: invitations.acceptedAt,
        revokedAt: invitations.revokedAt,
        validUntil: invitations.validUntil,
      })
      .from(invitations)
      .where(
        and(
          page.openAlone === true ? open() : undefined,
          page.after === null ? undefined : lt(invitations.id, page.after),
        ),
      )
      .orderBy(desc(invitations.id))
      .limit(page.limit + 1),
  ]);
  return pageOf(rows, page.limit);
}
