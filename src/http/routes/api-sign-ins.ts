import * as z from "zod";
import { endSignInOnInstance } from "../../sign-ins/end-on-instance.ts";
import { listSignIns, type SignIn } from "../../sign-ins/list.ts";
import { accountCall, listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const signIn = z.object({
  object: z.literal("sign_in"),
  id: z.string(),
  person_id: z.string(),
  scope: z.string(),
  started_at: z.int(),
  renewed_at: z.int(),
});
const ended = z.object({
  object: z.literal("sign_in"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean(),
});

const EXAMPLE = {
  object: "sign_in",
  id: "fam_01KAHJ9999K1M2N3P4Q5R6S7T8",
  person_id: "per_01KAHJ4444B5C6D7E8F9G0H1J2",
  scope: "profile:read offline",
  started_at: 1795219200,
  renewed_at: 1795305600,
};

const instance_id = idSchema("instance");

function showsSignIn({ id, personId, scope, startedAt, renewedAt }: SignIn) {
  return {
    object: "sign_in",
    id,
    person_id: personId,
    scope,
    started_at: seconds(startedAt),
    renewed_at: seconds(renewedAt),
  };
}

/** /api/v1/instances/{instance_id}/sign-ins. */
export const signInsRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/instances/{instance_id}/sign-ins",
    operationId: "get_sign_ins",
    summary: "Who is signed in on an instance, oldest first",
    description: "`renewed_at`: when tokens were last issued. It is part of the tenant's authentication history.",
    tags: ["api"],
    security: "account",
    permission: "events:read",
    params: z.object({ instance_id }),
    query: pageQuery("tokenFamily"),
    responses: {
      200: {
        description: "One page of sign-ins that have not ended.",
        schema: listSchema(signIn),
        example: { object: "list", data: [EXAMPLE], next_cursor: null },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listSignIns(context, input.params.instance_id, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsSignIn) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/instances/{instance_id}/sign-ins/{sign_in_id}",
    operationId: "delete_sign_in",
    summary: "End somebody's sign-in on an instance",
    description: "Its refresh tokens end at once, its access tokens are refused with `sign-in-ended`.",
    tags: ["api"],
    security: "account",
    permission: "instances:write",
    params: z.object({ instance_id, sign_in_id: idSchema("tokenFamily") }),
    responses: {
      200: {
        description: "Ended.",
        schema: ended,
        example: { object: "sign_in", id: EXAMPLE.id, deleted: true, effective: true },
      },
      202: {
        description: "Ended; the tenant's gate has not acknowledged it yet, and takes its access token for a while.",
        schema: ended,
        example: { object: "sign_in", id: EXAMPLE.id, deleted: true, effective: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { instance_id, sign_in_id: id } = input.params;
      const { effective } = await endSignInOnInstance(context, instance_id, id);
      return { status: effective ? 200 : 202, headers, body: { object: "sign_in", id, deleted: true, effective } };
    },
  }),
];
