import * as z from "zod";
import { listMembers } from "../../people/list.ts";
import { MEMBER_ROLES, type Member } from "../../people/member.ts";
import { removeMember } from "../../people/remove.ts";
import { showMember } from "../../people/show.ts";
import { transferOwnership } from "../../people/transfer-ownership.ts";
import { updateMember } from "../../people/update.ts";
import { accountCall, listBody, listSchema, pageQuery, replayHeaders, seconds } from "../account-call.ts";
import { etagOf, ifMatch } from "../etag.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { useSeat } from "../seat-schema.ts";

const member = z.object({
  object: z.literal("member"),
  id: z.string(),
  person_id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role: z.enum(MEMBER_ROLES),
  use_seat: useSeat,
  since: z.int(),
  updated_at: z.int(),
});

const removed = z.object({
  object: z.literal("member"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean().describe("Whether the gates have heard it already; else they do within a minute."),
});

const EXAMPLE = {
  object: "member",
  id: "mem_01KAHJ3333N4P5Q6R7S8T9V0W1",
  person_id: "per_01KAHJ4444X2Y3Z4A5B6C7D8E9",
  name: "Ada",
  email: "ada@acme.example",
  role: "admin",
  use_seat: true,
  since: 1795219200,
  updated_at: 1795219200,
};

const ETAG = { etag: "The member as it is now: send it as If-Match with a PATCH." };
const params = z.object({ member_id: idSchema("membership") });

function showsMember({ id, personId, name, email, role, useSeat, since, updatedAt }: Member) {
  return {
    object: "member",
    id,
    person_id: personId,
    name,
    email,
    role,
    use_seat: useSeat,
    since: seconds(since),
    updated_at: seconds(updatedAt ?? since),
  };
}

/** /api/v1/members. */
export const memberRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/members",
    operationId: "get_members",
    summary: "Who belongs to the tenant, oldest first",
    tags: ["api"],
    security: "account",
    permission: "members:read",
    query: pageQuery("membership"),
    responses: {
      200: {
        description: "One page of members.",
        schema: listSchema(member),
        example: { object: "list", data: [EXAMPLE], next_cursor: null },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      return {
        status: 200,
        headers,
        body: listBody(await listMembers(context, { limit, after: cursor }), showsMember),
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/members/{member_id}",
    operationId: "get_member",
    summary: "One member",
    tags: ["api"],
    security: "account",
    permission: "members:read",
    params,
    responses: { 200: { description: "The member.", schema: member, example: EXAMPLE, headers: ETAG } },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const body = showsMember(await showMember(context, input.params.member_id));
      return { status: 200, headers: { ...headers, etag: await etagOf(body) }, body };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/api/v1/members/{member_id}",
    operationId: "update_member",
    summary: "Change a member's role, or give or take a seat",
    description:
      "What is left out stays. Owners (`owners:write`) alone make and demote owners, and operators of the platform; a tenant always keeps an owner. With If-Match it is changed only if nobody else did since.",
    tags: ["api"],
    security: "account",
    permission: "members:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ role: z.enum(MEMBER_ROLES).optional(), use_seat: useSeat.optional() }),
      required: true,
      example: { role: "admin" },
    },
    responses: { 200: { description: "Changed.", schema: member, example: EXAMPLE, headers: ETAG } },
    problems: ["last-owner", "no-seat-left", "precondition-failed", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const precondition = ifMatch(input.request, showsMember);
      const { role, use_seat } = input.body;
      const change = { ...(role !== undefined && { role }), ...(use_seat !== undefined && { useSeat: use_seat }) };
      const body = showsMember(await updateMember(context, input.params.member_id, change, precondition));
      return { status: 200, headers: { ...headers, etag: await etagOf(body) }, body };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/members/{member_id}",
    operationId: "delete_member",
    summary: "Remove a member; anybody may leave by removing themselves",
    description:
      "The person's sessions no longer enter the tenant and personal access tokens and sign-ins on instances there end; API keys that the person made may do nothing more. Whoever leaves, in a session, needs no permission for it.",
    tags: ["api"],
    security: "account",
    permission: "members:write",
    params,
    responses: {
      200: {
        description: "Removed.",
        schema: removed,
        example: { object: "member", id: EXAMPLE.id, deleted: true, effective: true },
      },
    },
    problems: ["last-owner", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.member_id;
      const { effective } = await removeMember(context, id);
      return { status: 200, headers, body: { object: "member", id, deleted: true, effective } };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/members/{member_id}/transfer-ownership",
    operationId: "transfer_ownership",
    summary: "Hand ownership over to a member",
    description: "The caller, an owner in a session of their own, becomes an admin and this member an owner, at once.",
    tags: ["api"],
    security: "account",
    permission: "owners:write",
    params,
    responses: { 200: { description: "The new owner.", schema: member, example: { ...EXAMPLE, role: "owner" } } },
    problems: ["conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const body = showsMember(await transferOwnership(context, input.params.member_id));
      return { status: 200, headers: { ...headers, ...replayHeaders(context) }, body };
    },
  }),
];
