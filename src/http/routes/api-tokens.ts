import * as z from "zod";
import { PERMISSIONS } from "../../core/permission.ts";
import type { ApiKey } from "../../keys/list.ts";
import { type CreatedToken, createToken } from "../../tokens/create.ts";
import { listTokens } from "../../tokens/list.ts";
import { revokeToken } from "../../tokens/revoke.ts";
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

const token = z.object({
  object: z.literal("token"),
  id: z.string(),
  name: z.string(),
  permissions: z.array(z.string()),
  workspace_id: z.string().nullable(),
  created_at: z.int(),
  last_used_at: z.int().nullable(),
  valid_until: z.int().nullable(),
  revoked_at: z.int().nullable(),
});
const revoked = z.object({
  object: z.literal("token"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean(),
});

const MADE = {
  object: "token",
  id: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  name: "laptop",
  permissions: ["instances:read"],
  workspace_id: null,
  created_at: 1795219200,
  valid_until: 1802995200,
};

function showsToken(key: ApiKey) {
  return {
    object: "token",
    id: key.id,
    name: key.name,
    permissions: key.permissions,
    workspace_id: key.workspaceId,
    created_at: seconds(key.createdAt),
    last_used_at: secondsOrNull(key.lastUsedAt),
    valid_until: secondsOrNull(key.validUntil),
    revoked_at: secondsOrNull(key.revokedAt),
  };
}

function showsMadeToken(made: CreatedToken) {
  return {
    object: "token",
    id: made.id,
    tenant_id: made.tenantId,
    name: made.name,
    permissions: made.permissions,
    workspace_id: made.workspaceId,
    created_at: seconds(made.createdAt),
    valid_until: seconds(made.validUntil),
    token: made.token,
    secret_withheld: made.token === null,
  };
}

/** /api/v1/tokens: a person's own. Those of others are seen and revoked at /api/v1/keys. */
export const tokenRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/tokens",
    operationId: "get_tokens",
    summary: "Your own personal access tokens for this tenant, oldest first",
    tags: ["api"],
    security: "account",
    permission: "tokens:read",
    query: pageQuery("credential"),
    responses: {
      200: {
        description: "One page of tokens, without their secrets. An API key of nobody's in particular has none.",
        schema: listSchema(token),
        example: {
          object: "list",
          data: [{ ...MADE, last_used_at: null, revoked_at: null }],
          next_cursor: null,
        },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      return { status: 200, headers, body: listBody(await listTokens(context, { limit, after: cursor }), showsToken) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/tokens",
    operationId: "create_token",
    summary: "Make a personal access token of your own, for a tenant that you belong to",
    description:
      "In person, or with another token of yours; API keys make none. It does at any time only what your role allows, ends after 90 days unless you say otherwise (a year at most), and is shown once; a repeat with the same Idempotency-Key withholds it.",
    tags: ["api"],
    security: "account",
    permission: "tokens:write",
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        permissions: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length).nullish(),
        valid_until: validUntil,
        workspace_id: idSchema("workspace").nullish().describe("Binds it: claiming instances takes that."),
      }),
      required: true,
      example: { name: "laptop", permissions: ["instances:read"] },
    },
    responses: {
      201: {
        description: "Created.",
        schema: token
          .omit({ last_used_at: true, revoked_at: true })
          .extend({ tenant_id: z.string(), token: z.string().nullable(), secret_withheld: z.boolean() }),
        example: { ...MADE, tenant_id: "tnt_01KAHJ0000M2N4P6Q8S0T2V4W6", token: "ebbp_…", secret_withheld: false },
      },
    },
    problems: ["tenant-suspended", "not-found", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, permissions = null, valid_until, workspace_id = null } = input.body;
      const validUntilMs = valid_until == null ? null : valid_until * 1000;
      const made = await createToken(context, { name, permissions, validUntilMs, workspaceId: workspace_id });
      return { status: 201, headers: { ...headers, ...replayHeaders(context) }, body: showsMadeToken(made) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/tokens/{token_id}",
    operationId: "delete_token",
    summary: "Revoke a personal access token of your own; a token may revoke itself",
    tags: ["api"],
    security: "account",
    permission: "tokens:write",
    params: z.object({ token_id: idSchema("credential") }),
    responses: {
      200: {
        description: "Revoked.",
        schema: revoked,
        example: { object: "token", id: MADE.id, deleted: true, effective: true },
      },
      202: {
        description: "Revoked; the tenant's gate has not acknowledged it yet.",
        schema: revoked,
        example: { object: "token", id: MADE.id, deleted: true, effective: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.token_id;
      const { effective } = await revokeToken(context, id);
      return { status: effective ? 200 : 202, headers, body: { object: "token", id, deleted: true, effective } };
    },
  }),
];
