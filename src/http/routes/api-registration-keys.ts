import * as z from "zod";
import { createRegistrationKey } from "../../registration-keys/create.ts";
import { listRegistrationKeys, type RegistrationKey } from "../../registration-keys/list.ts";
import { revokeRegistrationKey } from "../../registration-keys/revoke.ts";
import {
  accountCall,
  keyName,
  listBody,
  listSchema,
  pageQuery,
  replayHeaders,
  seconds,
  secondsOrNull,
  validUntil,
} from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const registrationKey = z.object({
  object: z.literal("registration_key"),
  id: z.string(),
  workspace_id: z.string(),
  name: z.string(),
  reusable: z.boolean(),
  uses: z.int(),
  created_at: z.int(),
  used_up_at: z.int().nullable(),
  valid_until: z.int().nullable(),
  revoked_at: z.int().nullable(),
});

const EXAMPLE = {
  object: "registration_key",
  id: "rgk_01KAHJ5555X6Y7Z8A9B0C1D2E3",
  workspace_id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
  name: "build machines",
  reusable: true,
};

function showsRegistrationKey(key: RegistrationKey) {
  return {
    object: "registration_key",
    id: key.id,
    workspace_id: key.workspaceId,
    name: key.name,
    reusable: key.reusable,
    uses: key.uses,
    created_at: seconds(key.createdAt),
    used_up_at: secondsOrNull(key.usedUpAt),
    valid_until: secondsOrNull(key.validUntil),
    revoked_at: secondsOrNull(key.revokedAt),
  };
}

/** /api/v1/registration-keys. */
export const registrationKeyRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/registration-keys",
    operationId: "get_registration_keys",
    summary: "The tenant's registration keys, oldest first",
    tags: ["api"],
    security: "account",
    permission: "registration-keys:read",
    query: pageQuery("registrationKey"),
    responses: {
      200: {
        description: "One page of keys, without their secrets.",
        schema: listSchema(registrationKey),
        example: {
          object: "list",
          data: [
            { ...EXAMPLE, uses: 3, created_at: 1795219200, used_up_at: null, valid_until: null, revoked_at: null },
          ],
          next_cursor: null,
        },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listRegistrationKeys(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsRegistrationKey) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/registration-keys",
    operationId: "create_registration_key",
    summary: "Make a key with which instances register into a workspace",
    description: "The key is shown once: a repeat with the same Idempotency-Key says `secret_withheld`.",
    tags: ["api"],
    security: "account",
    permission: "registration-keys:write",
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        reusable: z.boolean().default(false),
        valid_until: validUntil,
        workspace_id: idSchema("workspace").nullish(),
      }),
      required: true,
      example: { name: "build machines", reusable: true },
    },
    responses: {
      201: {
        description: "Created.",
        schema: z.object({
          object: z.literal("registration_key"),
          id: z.string(),
          workspace_id: z.string(),
          name: z.string(),
          reusable: z.boolean(),
          created_at: z.int(),
          key: z.string().nullable(),
          secret_withheld: z.boolean(),
        }),
        example: { ...EXAMPLE, created_at: 1795219200, key: "ebbr_…", secret_withheld: false },
      },
    },
    problems: ["tenant-suspended", "not-found", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, reusable, valid_until, workspace_id = null } = input.body;
      const validUntilMs = valid_until == null ? null : valid_until * 1000;
      const created = await createRegistrationKey(context, { name, reusable, validUntilMs, workspaceId: workspace_id });
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context) },
        body: {
          object: "registration_key",
          id: created.id,
          workspace_id: created.workspaceId,
          name,
          reusable,
          created_at: seconds(created.createdAt),
          key: created.key,
          secret_withheld: created.key === null,
        },
      };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/registration-keys/{registration_key_id}",
    operationId: "delete_registration_key",
    summary: "Revoke a registration key; instances that used it stay",
    tags: ["api"],
    security: "account",
    permission: "registration-keys:write",
    params: z.object({ registration_key_id: idSchema("registrationKey") }),
    responses: {
      200: {
        description: "Revoked.",
        schema: z.object({ object: z.literal("registration_key"), id: z.string(), deleted: z.literal(true) }),
        example: { object: "registration_key", id: EXAMPLE.id, deleted: true },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.registration_key_id;
      await revokeRegistrationKey(context, id);
      return { status: 200, headers, body: { object: "registration_key", id, deleted: true } };
    },
  }),
];
