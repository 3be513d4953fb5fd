import * as z from "zod";
import { PERMISSIONS } from "../../core/permission.ts";
import { SECRET_PATTERN } from "../../core/secret-pattern.ts";
import { type CreatedApiKey, createApiKey } from "../../keys/create.ts";
import { type ApiKey, listApiKeys, showApiKey } from "../../keys/list.ts";
import { CALLS_PER_HOUR, MOST_NETWORKS, MOST_ORIGINS } from "../../keys/restrictions.ts";
import { revokeApiKey } from "../../keys/revoke.ts";
import { rotateApiKey } from "../../keys/rotate.ts";
import { type KeyChange, updateApiKey } from "../../keys/update.ts";
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
import { etagOf, ifMatch } from "../etag.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const LONGEST_OVERLAP_S = 30 * 24 * 3600;

const restrictions = {
  allowed_networks: z
    .array(z.string().max(49))
    .min(1)
    .max(MOST_NETWORKS)
    .nullish()
    .describe("From where alone the key is taken: CIDR, IPv4 or IPv6. Null: from everywhere."),
  allowed_origins: z
    .array(z.string().max(300))
    .min(1)
    .max(MOST_ORIGINS)
    .nullish()
    .describe("Pages of which origins alone may use the key: https. A call without Origin is refused then."),
  calls_per_hour: z
    .int()
    .min(CALLS_PER_HOUR.least)
    .max(CALLS_PER_HOUR.most)
    .nullish()
    .describe("Calls in any hour, beside the limits of the plan; `key-calls` in the RateLimit headers."),
};

export const apiKey = z.object({
  object: z.literal("key"),
  kind: z.enum(["api-key", "personal-access-token"]),
  id: z.string(),
  name: z.string(),
  permissions: z.array(z.string()),
  person_id: z.string().nullable(),
  allowed_networks: z.array(z.string()).nullable(),
  allowed_origins: z.array(z.string()).nullable(),
  calls_per_hour: z.int().nullable(),
  created_at: z.int(),
  last_used_at: z.int().nullable(),
  valid_until: z.int().nullable(),
  revoked_at: z.int().nullable(),
});
const madeKey = apiKey
  .omit({ kind: true, last_used_at: true, revoked_at: true })
  .extend({ key: z.string().nullable(), secret_withheld: z.boolean() });

export const revoked = z.object({
  object: z.literal("key"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean(),
});

const MADE = {
  object: "key",
  id: "crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  name: "dashboard",
  permissions: ["instances:read"],
  person_id: null,
  allowed_networks: ["192.0.2.0/24"],
  allowed_origins: null,
  calls_per_hour: 1000,
  created_at: 1795219200,
  valid_until: null,
};
const EXAMPLE = { ...MADE, kind: "api-key", last_used_at: 1795219200, revoked_at: null };

export function showsApiKey(key: ApiKey) {
  return {
    object: "key",
    kind: key.kind,
    id: key.id,
    name: key.name,
    permissions: key.permissions,
    person_id: key.personId,
    allowed_networks: key.allowedNetworks,
    allowed_origins: key.allowedOrigins,
    calls_per_hour: key.callsPerHour,
    created_at: seconds(key.createdAt),
    last_used_at: secondsOrNull(key.lastUsedAt),
    valid_until: secondsOrNull(key.validUntil),
    revoked_at: secondsOrNull(key.revokedAt),
  };
}

function showsMadeKey(made: CreatedApiKey) {
  return {
    object: "key",
    id: made.id,
    name: made.name,
    permissions: made.permissions,
    person_id: made.personId,
    allowed_networks: made.allowedNetworks,
    allowed_origins: made.allowedOrigins,
    calls_per_hour: made.callsPerHour,
    created_at: seconds(made.createdAt),
    valid_until: secondsOrNull(made.validUntil),
    key: made.key,
    secret_withheld: made.key === null,
  };
}

const ofKey = z.object({ key_id: idSchema("credential") });
const ETAG = { ETag: "Names this state of the key, for If-Match." };

/** What a key's entity tag is of: its use changes nothing that anybody would change. */
function versionOf(key: ApiKey) {
  const { last_used_at: _, ...rest } = showsApiKey(key);
  return rest;
}

const etag = async (key: ApiKey) => ({ etag: await etagOf(versionOf(key)) });

/** /api/v1/keys. */
export const keyRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/keys",
    operationId: "get_keys",
    summary: "The tenant's API keys and its people's personal access tokens, oldest first",
    tags: ["api"],
    security: "account",
    permission: "keys:read",
    query: pageQuery("credential"),
    responses: {
      200: {
        description: "One page of keys, without their secrets; ended ones until they are forgotten.",
        schema: listSchema(apiKey),
        example: { object: "list", data: [EXAMPLE], next_cursor: null },
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
    description: `Never more than who makes it: permitted at most what they are, valid no longer than their key, taken where theirs is. A key that a person makes, in person or with a key of theirs, does at any time only what that person's role allows, and nothing once they have left. The key is shown once; a repeat with the same Idempotency-Key withholds it. Secret scanners find keys and tokens of Ebb by \`${SECRET_PATTERN}\`.`,
    tags: ["api"],
    security: "account",
    permission: "keys:write",
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        permissions: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length).nullish(),
        valid_until: validUntil,
        ...restrictions,
      }),
      required: true,
      example: {
        name: "dashboard",
        permissions: ["instances:read"],
        allowed_networks: ["192.0.2.0/24"],
        calls_per_hour: 1000,
      },
    },
    responses: {
      201: {
        description: "Created.",
        schema: madeKey,
        example: { ...MADE, key: "ebb_…", secret_withheld: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, permissions = null, valid_until, ...bounds } = input.body;
      const made = await createApiKey(context, {
        name,
        permissions,
        validUntilMs: valid_until == null ? null : valid_until * 1000,
        allowedNetworks: bounds.allowed_networks ?? null,
        allowedOrigins: bounds.allowed_origins ?? null,
        callsPerHour: bounds.calls_per_hour ?? null,
      });
      return { status: 201, headers: { ...headers, ...replayHeaders(context) }, body: showsMadeKey(made) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/keys/{key_id}",
    operationId: "get_key",
    summary: "An API key or a personal access token of the tenant, without its secret",
    tags: ["api"],
    security: "account",
    permission: "keys:read",
    params: ofKey,
    responses: { 200: { description: "The key.", schema: apiKey, example: EXAMPLE, headers: ETAG } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const key = await showApiKey(context, input.params.key_id);
      return { status: 200, headers: { ...headers, ...(await etag(key)) }, body: showsApiKey(key) };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/api/v1/keys/{key_id}",
    operationId: "update_key",
    summary: "Rename an API key, or narrow where and how often it is taken",
    description:
      "What is left out stays. Restrictions are only ever narrowed, so that a stolen key cannot free itself: for a wider key make another. Send the key's ETag as If-Match to change only what you have seen.",
    tags: ["api"],
    security: "account",
    permission: "keys:write",
    params: ofKey,
    body: {
      content: "application/json",
      schema: z.object({ name: keyName.optional(), ...restrictions }),
      required: true,
      example: { name: "dashboard of the office", allowed_networks: ["192.0.2.0/25"] },
    },
    responses: {
      200: { description: "The key as it is now.", schema: apiKey, example: EXAMPLE, headers: ETAG },
      202: {
        description: "Changed; the tenant's gate has not acknowledged it yet, and takes the key as it was for a while.",
        schema: apiKey,
        example: EXAMPLE,
        headers: ETAG,
      },
    },
    problems: ["tenant-suspended", "conflict", "precondition-failed", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, allowed_networks, allowed_origins, calls_per_hour } = input.body;
      const change: KeyChange = {
        ...(name !== undefined && { name }),
        ...(allowed_networks !== undefined && { allowedNetworks: allowed_networks }),
        ...(allowed_origins !== undefined && { allowedOrigins: allowed_origins }),
        ...(calls_per_hour !== undefined && { callsPerHour: calls_per_hour }),
      };
      const changed = await updateApiKey(context, input.params.key_id, change, ifMatch(input.request, versionOf));
      const { key, effective } = changed;
      return { status: effective ? 200 : 202, headers: { ...headers, ...(await etag(key)) }, body: showsApiKey(key) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/keys/{key_id}/rotate",
    operationId: "rotate_key",
    summary: "Make an API key's successor; the former is valid for a while yet",
    description:
      "The successor has the former's name, permissions, restrictions and end, which must be no more than who asks has. The former ends after `overlap_s`, never later than it would have; with 0 it ends at once. A key may rotate itself.",
    tags: ["api"],
    security: "account",
    permission: "keys:write",
    params: ofKey,
    body: {
      content: "application/json",
      schema: z.object({ overlap_s: z.int().min(0).max(LONGEST_OVERLAP_S).default(0) }),
      required: true,
      example: { overlap_s: 86400 },
    },
    responses: {
      201: {
        description: "Rotated. `effective`: the tenant's gate knows the former's new end.",
        schema: madeKey.extend({
          former: z.object({ object: z.literal("key"), id: z.string(), valid_until: z.int() }),
          effective: z.boolean(),
        }),
        example: {
          ...MADE,
          id: "crd_01KAHK8888G8H9J0K1M2N3P4Q6",
          key: "ebb_…",
          secret_withheld: false,
          former: { object: "key", id: MADE.id, valid_until: 1795305600 },
          effective: true,
        },
      },
    },
    problems: ["tenant-suspended", "conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const made = await rotateApiKey(context, input.params.key_id, input.body.overlap_s);
      const former = { object: "key", id: made.formerId, valid_until: seconds(made.formerValidUntil) };
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context) },
        body: { ...showsMadeKey(made), former, effective: made.effective },
      };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/keys/{key_id}",
    operationId: "delete_key",
    summary: "Revoke an API key, or a token of one of the tenant's people; a key may revoke itself",
    tags: ["api"],
    security: "account",
    permission: "keys:write",
    params: ofKey,
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
