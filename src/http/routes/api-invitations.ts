import * as z from "zod";
import { sendMail } from "../../mail/send.ts";
import { invite } from "../../people/invite.ts";
import { type Invitation, listInvitations } from "../../people/list-invitations.ts";
import { MEMBER_ROLES } from "../../people/member.ts";
import { resendInvitation } from "../../people/resend-invitation.ts";
import { withdrawInvitation } from "../../people/withdraw-invitation.ts";
import {
  accountCall,
  listBody,
  listSchema,
  pageQuery,
  replayHeaders,
  seconds,
  secondsOrNull,
} from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { useSeat } from "../seat-schema.ts";
import { emailAddress } from "../text-schema.ts";

const invitation = z.object({
  object: z.literal("invitation"),
  id: z.string(),
  email: z.string(),
  role: z.enum(MEMBER_ROLES),
  use_seat: useSeat,
  invited_by: z.string().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
  valid_until: z.int(),
  accepted_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
});

const EXAMPLE = {
  object: "invitation",
  id: "inv_01KAHJ5555F0G1H2J3K4M5N6P7",
  email: "grace@acme.example",
  role: "member",
  use_seat: true,
  invited_by: "per_01KAHJ4444X2Y3Z4A5B6C7D8E9",
  created_at: 1795219200,
  updated_at: 1795219200,
  valid_until: 1795824000,
  accepted_at: null,
  revoked_at: null,
};

/**
 * One @ with something on both sides, no spaces and no control characters, at most 254 characters (RFC 5321 section
 * 4.5.3.1.3). Whether mail arrives there only mail can tell.
 */
const params = z.object({ invitation_id: idSchema("invitation") });

function showsInvitation(shown: Invitation) {
  return {
    object: "invitation",
    id: shown.id,
    email: shown.email,
    role: shown.role,
    use_seat: shown.useSeat,
    invited_by: shown.invitedBy,
    created_at: seconds(shown.createdAt),
    updated_at: seconds(shown.updatedAt ?? shown.createdAt),
    valid_until: seconds(shown.validUntil),
    accepted_at: secondsOrNull(shown.acceptedAt),
    revoked_at: secondsOrNull(shown.revokedAt),
  };
}

/** /api/v1/invitations. */
export const invitationRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/invitations",
    operationId: "list_invitations",
    summary: "Invitations into the tenant, newest first",
    tags: ["api"],
    security: "account",
    permission: "members:read",
    query: pageQuery("invitation"),
    responses: {
      200: {
        description: "One page of invitations, without their tokens; ended ones until they are forgotten.",
        schema: listSchema(invitation),
        example: { object: "list", data: [EXAMPLE], next_cursor: null },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listInvitations(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsInvitation) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/invitations",
    operationId: "create_invitation",
    summary: "Invite somebody by e-mail",
    description:
      "Valid for 7 days; its one-time token goes by mail alone. An open invitation of the same address is withdrawn. At most 100 are open at a time. Nobody gives a role above their own. An open invitation holds a seat unless `use_seat` is false.",
    tags: ["api"],
    security: "account",
    permission: "members:write",
    body: {
      content: "application/json",
      schema: z.object({ email: emailAddress, role: z.enum(MEMBER_ROLES), use_seat: useSeat.default(true) }),
      required: true,
      example: { email: EXAMPLE.email, role: "member" },
    },
    responses: {
      201: { description: "Invited, whether or not the address is a member's.", schema: invitation, example: EXAMPLE },
    },
    problems: ["too-many-invitations", "no-seat-left", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { email, role, use_seat } = input.body;
      const invited = await invite(context, email, role, use_seat);
      await sendMail(context.deps);
      return { status: 201, headers: { ...headers, ...replayHeaders(context) }, body: showsInvitation(invited) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/invitations/{invitation_id}",
    operationId: "withdraw_invitation",
    summary: "Withdraw an invitation",
    tags: ["api"],
    security: "account",
    permission: "members:write",
    params,
    responses: {
      200: {
        description: "Withdrawn.",
        schema: z.object({ object: z.literal("invitation"), id: z.string(), deleted: z.literal(true) }),
        example: { object: "invitation", id: EXAMPLE.id, deleted: true },
      },
    },
    problems: ["invitation-used", "invitation-expired", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.invitation_id;
      await withdrawInvitation(context, id);
      return { status: 200, headers, body: { object: "invitation", id, deleted: true } };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/invitations/{invitation_id}/resend",
    operationId: "resend_invitation",
    summary: "Send the mail of an open invitation again, and have it hold for 7 days from now",
    tags: ["api"],
    security: "account",
    permission: "members:write",
    params,
    responses: {
      200: {
        description: "The mail is on its way.",
        schema: z.object({ object: z.literal("invitation"), id: z.string(), valid_until: z.int() }),
        example: { object: "invitation", id: EXAMPLE.id, valid_until: EXAMPLE.valid_until },
      },
    },
    problems: ["invitation-used", "invitation-expired", "too-many-invitations", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.invitation_id;
      const { validUntil } = await resendInvitation(context, id);
      await sendMail(context.deps);
      const body = { object: "invitation", id, valid_until: seconds(validUntil) };
      return { status: 200, headers: { ...headers, ...replayHeaders(context) }, body };
    },
  }),
];
