import * as z from "zod";
import { PERMISSIONS } from "../../core/permission.ts";
import { createApiKey } from "../../keys/create.ts";
import { type ApiKey, listApiKeys } from "../../keys/list.ts";
import { revokeApiKey } from "../../keys/revoke.ts";
import {
  accountCall,
  keyName,
  listBody,
  listSchema,
  pageQuery,
  seconds,
  secondsOrNull,
  validUntil,
} from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const apiKey = z.object({
  object: z.literal("key"),
  id: z.string(),
  name: z.string(),
  permissions: z.array(z.string()),
  created_at: z.int(),
  valid_until: z.int().nullable(),
  revoked_at: z.int().nullable(),
});

const revoked = z.object({
  object: z.literal("key"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean(),
});

const EXAMPLE = {
  object: "key",
  id: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  name: "dashboard",
  permissions: ["instances:read"],
  created_at: 1795219200,
};

function showsApiKey(key: ApiKey) {
  return {
    object: "key",
    id: key.id,
    name: key.name,
    permissions: key.permissions,
    created_at: seconds(key.createdAt),
    valid_until: secondsOrNull(key.validUntil),
    revoked_at: secondsOrNull(key.revokedAt),
  };
}

/** /api/v1/keys. */
export const keyRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/keys",
    operationId: "get_keys",
    summary: "The tenant's API keys, oldest first",
    tags: ["api"],
    security: "account",
    permission: "keys:read",
    query: pageQuery("credential"),
    responses: {
      200: {
        description: "One page of keys, without their secrets; ended ones until they are forgotten.",
        schema: listSchema(apiKey),
        example: { object: "list", data: [{ ...EXAMPLE, valid_until: null, revoked_at: null }], next_cursor: null },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listApiKeys(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsApiKey) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/keys",
    operationId: "create_key",
    summary: "Make an API key for this tenant",
    description: "Permitted at most what the key that makes it is, and valid no longer. The key is shown once.",
    tags: ["api"],
    security: "account",
    permission: "keys:write",
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        permissions: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length).nullish(),
        valid_until: validUntil,
      }),
      required: true,
      example: { name: "dashboard", permissions: ["instances:read"] },
    },
    responses: {
      201: {
        description: "Created.",
        schema: z.object({
          object: z.literal("key"),
          id: z.string(),
          name: z.string(),
          permissions: z.array(z.string()),
          created_at: z.int(),
          key: z.string(),
        }),
        example: { ...EXAMPLE, key: "ebb_…" },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, permissions = null, valid_until } = input.body;
      const validUntilMs = valid_until == null ? null : valid_until * 1000;
      const created = await createApiKey(context, { name, permissions, validUntilMs });
      return {
        status: 201,
        headers,
        body: {
          object: "key",
          id: created.id,
          name,
          permissions: created.permissions,
          created_at: seconds(created.createdAt),
          key: created.key,
        },
      };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/keys/{key_id}",
    operationId: "delete_key",
    summary: "Revoke an API key; a key may revoke itself",
    tags: ["api"],
    security: "account",
    permission: "keys:write",
    params: z.object({ key_id: idSchema("credential") }),
    responses: {
      200: {
        description: "Revoked.",
        schema: revoked,
        example: { object: "key", id: EXAMPLE.id, deleted: true, effective: true },
      },
      202: {
        description: "Revoked; the tenant's gate has not acknowledged it yet.",
        schema: revoked,
        example: { object: "key", id: EXAMPLE.id, deleted: true, effective: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.key_id;
      const { effective } = await revokeApiKey(context, id);
      return { status: effective ? 200 : 202, headers, body: { object: "key", id, deleted: true, effective } };
    },
  }),
];
