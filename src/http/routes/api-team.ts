import * as z from "zod";
import { sendMail } from "../../mail/send.ts";
import { invite } from "../../people/invite.ts";
import { listMembers } from "../../people/list.ts";
import { type Invitation, listInvitations } from "../../people/list-invitations.ts";
import type { Member, MemberRole } from "../../people/member.ts";
import { removeMember } from "../../people/remove.ts";
import { withdrawInvitation } from "../../people/withdraw-invitation.ts";
import { type RunningSubscription, runningSubscription } from "../../tenants/list-subscriptions.ts";
import { showTeam } from "../../tenants/show-team.ts";
import { accountCall, replayHeaders, seconds, secondsOrNull } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { ANY_NUMBER, useSeat } from "../seat-schema.ts";
import { emailAddress } from "../text-schema.ts";

/** The most that a list without pages holds. */
const MOST = 1_000;

const team = z.object({
  object: z.literal("team"),
  id: z.string(),
  name: z.string(),
  email: z.string().describe("Of its first owner; empty where there is none, or none that the caller may see."),
  created_at: z.int(),
  updated_at: z.int(),
});

const role = z.enum(["admin", "member"]).describe("Owners are admins here.");

const teamUser = z.object({
  object: z.literal("team_user"),
  id: z.string().describe("Of the person."),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role,
  use_seat: useSeat,
  created_at: z.int(),
  updated_at: z.int(),
});

const invitation = z.object({
  object: z.literal("team_invitation"),
  id: z.string(),
  email: z.string(),
  role,
  use_seat: useSeat,
  expires_at: z.int(),
  created_at: z.int(),
  updated_at: z.int(),
});

const subscription = z.object({
  object: z.literal("team_subscription"),
  id: z.string(),
  plan: z.object({ object: z.literal("plan"), id: z.string(), name: z.string() }),
  seats: z.int().describe(`How many people may hold a seat; ${ANY_NUMBER} where the plan does not limit that.`),
  seats_used: z.int().min(0).describe("Seats taken by members and held by open invitations."),
  trial: z.boolean(),
  starts_at: z.int(),
  ends_at: z.int().nullable().describe("When it ends by itself; null: it goes on."),
  pauses_at: z.int().nullable().describe("Always null: subscriptions are not paused here."),
  created_at: z.int(),
  updated_at: z.int(),
});

const AT = { created_at: 1795219200, updated_at: 1795219200 };
const TEAM = {
  object: "team",
  id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8",
  name: "Acme",
  email: "ada@acme.example",
  ...AT,
};
const USER = {
  object: "team_user",
  id: "per_01KAHJ4444X2Y3Z4A5B6C7D8E9",
  name: "Ada",
  email: "ada@acme.example",
  role: "admin",
  use_seat: true,
  ...AT,
};
const INVITATION = {
  object: "team_invitation",
  id: "inv_01KAHJ5555F0G1H2J3K4M5N6P7",
  email: "grace@acme.example",
  role: "member",
  use_seat: true,
  expires_at: 1795824000,
  ...AT,
};
const SUBSCRIPTION = {
  object: "team_subscription",
  id: "sub_01KAHJ0000A1B2C3D4E5F6G7H8",
  plan: { object: "plan", id: "team", name: "Team" },
  seats: 25,
  seats_used: 7,
  trial: false,
  starts_at: 1795219200,
  ends_at: null,
  pauses_at: null,
  ...AT,
};
const PLAN_NAMES = { free: "Free", team: "Team", enterprise: "Enterprise" } as const;

const shared = { tags: ["api"], security: "account", limited: true } as const;
const deletedSchema = <O extends string>(object: O) =>
  z.object({ object: z.literal(object), id: z.string(), deleted: z.literal(true) });

/** The contract's two roles: an operator of the platform manages nobody in it. */
function showsRole(given: MemberRole): "admin" | "member" {
  return given === "owner" || given === "admin" ? "admin" : "member";
}

function showsUser({ personId, name, email, role, useSeat, since, updatedAt }: Member) {
  return {
    object: "team_user",
    id: personId,
    name,
    email,
    role: showsRole(role),
    use_seat: useSeat,
    created_at: seconds(since),
    updated_at: seconds(updatedAt ?? since),
  };
}

function showsInvitation({ id, email, role, useSeat, validUntil, createdAt, updatedAt }: Invitation) {
  return {
    object: "team_invitation",
    id,
    email,
    role: showsRole(role),
    use_seat: useSeat,
    expires_at: seconds(validUntil),
    created_at: seconds(createdAt),
    updated_at: seconds(updatedAt ?? createdAt),
  };
}

function showsSubscription({ id, plan, seats, seatsUsed, trial, startedAt, endsAt, updatedAt }: RunningSubscription) {
  return {
    object: "team_subscription",
    id,
    plan: { object: "plan", id: plan, name: PLAN_NAMES[plan] },
    seats: seats ?? ANY_NUMBER,
    seats_used: seatsUsed,
    trial,
    starts_at: seconds(startedAt),
    ends_at: secondsOrNull(endsAt),
    pauses_at: null,
    created_at: seconds(startedAt),
    updated_at: seconds(updatedAt ?? startedAt),
  };
}

/** /api/v1/team: the tenant, its people and invitations as the published contract has them, by the same verbs as ours. */
export const teamRoutes: RouteDefinition[] = [
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/team",
    operationId: "get_team",
    summary: "The tenant, as a team",
    permission: "tenants:read",
    responses: { 200: { description: "The team.", schema: team, example: TEAM } },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { id, name, email, createdAt, updatedAt } = await showTeam(context);
      const at = { created_at: seconds(createdAt), updated_at: seconds(updatedAt ?? createdAt) };
      return { status: 200, headers, body: { object: "team", id, name, email, ...at } };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/team/users",
    operationId: "get_team_users",
    summary: "Who belongs to the team, oldest first",
    description: `A bare array of at most ${MOST}; where there are more, the header Ebb-Next-Cursor is the \`cursor\` of the next.`,
    permission: "members:read",
    query: z.object({
      limit: z.coerce.number().int().min(1).max(MOST).default(MOST),
      cursor: idSchema("membership").optional(),
    }),
    responses: {
      200: {
        description: "The users.",
        schema: z.array(teamUser),
        example: [USER],
        headers: { "ebb-next-cursor": "What to give as `cursor` for the next of them; absent at the end." },
      },
    },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const { items, next } = await listMembers(context, { limit, after: cursor });
      const further = next === null ? {} : { "ebb-next-cursor": next };
      return { status: 200, headers: { ...headers, ...further }, body: items.map(showsUser) };
    },
  }),
  defineRoute({
    ...shared,
    method: "DELETE",
    path: "/api/v1/team/users/{user_id}",
    operationId: "delete_team_user",
    summary: "Remove somebody from the team; anybody may leave by removing themselves",
    description:
      "The person's sessions no longer enter the tenant, and personal access tokens and sign-ins on instances there end. Whoever leaves, in a session, needs no permission for it.",
    permission: "members:write",
    params: z.object({ user_id: idSchema("person") }),
    responses: {
      200: {
        description: "Removed.",
        schema: deletedSchema("team_user"),
        example: { object: "team_user", id: USER.id, deleted: true },
      },
    },
    problems: ["last-owner", "outcome-unknown"],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.user_id;
      await removeMember(context, id);
      return { status: 200, headers, body: { object: "team_user", id, deleted: true } };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/team/invitations",
    operationId: "get_invitations",
    summary: "Open invitations into the team, newest first",
    description: "All of them: at most 100 are open at a time.",
    permission: "members:read",
    responses: { 200: { description: "The invitations.", schema: z.array(invitation), example: [INVITATION] } },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { items } = await listInvitations(context, { limit: MOST, after: null, openAlone: true });
      return { status: 200, headers, body: items.map(showsInvitation) };
    },
  }),
  defineRoute({
    ...shared,
    method: "POST",
    path: "/api/v1/team/invitations",
    operationId: "create_invitations",
    summary: "Invite somebody into the team by e-mail",
    description:
      "Valid for 7 days; its one-time token goes by mail alone. An open invitation of the same address is withdrawn. With `use_seat` it holds a seat from now on.",
    permission: "members:write",
    body: {
      content: "application/json",
      schema: z.object({ email: emailAddress, role, use_seat: useSeat }),
      required: true,
      example: { email: INVITATION.email, role: "member", use_seat: true },
    },
    responses: {
      201: {
        description: "Invited, whether or not the address is a member's.",
        schema: invitation,
        example: INVITATION,
      },
    },
    problems: ["too-many-invitations", "no-seat-left", "outcome-unknown"],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { email, role, use_seat } = input.body;
      const invited = await invite(context, email, role, use_seat);
      await sendMail(context.deps);
      return { status: 201, headers: { ...headers, ...replayHeaders(context) }, body: showsInvitation(invited) };
    },
  }),
  defineRoute({
    ...shared,
    method: "DELETE",
    path: "/api/v1/team/invitations/{invitation_id}",
    operationId: "delete_invitation",
    summary: "Withdraw an invitation into the team",
    permission: "members:write",
    params: z.object({ invitation_id: idSchema("invitation") }),
    responses: {
      200: {
        description: "Withdrawn.",
        schema: deletedSchema("team_invitation"),
        example: { object: "team_invitation", id: INVITATION.id, deleted: true },
      },
    },
    problems: ["invitation-used", "invitation-expired", "outcome-unknown"],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.invitation_id;
      await withdrawInvitation(context, id);
      return { status: 200, headers, body: { object: "team_invitation", id, deleted: true } };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/team/subscription",
    operationId: "get_team_subscription",
    summary: "The team's running subscription",
    permission: "tenants:read",
    responses: {
      200: {
        description: "The subscription; null where none runs.",
        schema: subscription.nullable(),
        example: SUBSCRIPTION,
      },
    },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const running = await runningSubscription(context);
      return { status: 200, headers, body: running === null ? null : showsSubscription(running) };
    },
  }),
];
