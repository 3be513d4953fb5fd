import * as z from "zod";
import { createRegistrationKey, MOST_USES } from "../../registration-keys/create.ts";
import { listRegistrationKeys, type RegistrationKey } from "../../registration-keys/list.ts";
import { FATES, removeRegistrationKey, revokeRegistrationKey } from "../../registration-keys/revoke.ts";
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
import { plainText } from "../text-schema.ts";

const registrationKey = z.object({
  object: z.literal("registration_key"),
  id: z.string(),
  workspace_id: z.string(),
  name: z.string(),
  reusable: z.boolean(),
  /** How many instances may register with it; null: any number. */
  max_uses: z.int().nullable(),
  uses: z.int(),
  name_prefix: z.string().nullable(),
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
  max_uses: 500,
  name_prefix: "build",
};

const params = z.object({ registration_key_id: idSchema("registrationKey") });

const revoked = z.object({
  object: z.literal("registration_key"),
  id: z.string(),
  revoked_at: z.int(),
  /** How many instances this call ended, and how many are left for the next. */
  instances_ended: z.int(),
  instances_remaining: z.int(),
  effective: z.boolean(),
});
const REVOKED = {
  object: "registration_key",
  id: EXAMPLE.id,
  revoked_at: 1795305600,
  instances_ended: 312,
  instances_remaining: 0,
};

function showsRegistrationKey(key: RegistrationKey) {
  return {
    object: "registration_key",
    id: key.id,
    workspace_id: key.workspaceId,
    name: key.name,
    reusable: key.reusable,
    max_uses: key.maxUses,
    uses: key.uses,
    name_prefix: key.namePrefix,
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
            { ...EXAMPLE, uses: 312, created_at: 1795219200, used_up_at: null, valid_until: null, revoked_at: null },
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
        max_uses: z
          .int()
          .min(1)
          .max(MOST_USES)
          .nullish()
          .describe("How many instances may register with a reusable key; null for any number."),
        name_prefix: plainText(40)
          .min(1)
          .nullish()
          .describe("Its instances are named so, with six letters and digits behind: `build-x7k2p9`."),
        valid_until: validUntil,
        workspace_id: idSchema("workspace").nullish(),
      }),
      required: true,
      example: { name: "build machines", reusable: true, max_uses: 500, name_prefix: "build" },
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
          max_uses: z.int().nullable(),
          name_prefix: z.string().nullable(),
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
      const { name, reusable, max_uses, name_prefix, valid_until, workspace_id } = input.body;
      const namePrefix = name_prefix ?? null;
      const created = await createRegistrationKey(context, {
        name,
        reusable,
        maxUses: max_uses ?? null,
        namePrefix,
        validUntilMs: valid_until == null ? null : valid_until * 1000,
        workspaceId: workspace_id ?? null,
      });
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context) },
        body: {
          object: "registration_key",
          id: created.id,
          workspace_id: created.workspaceId,
          name,
          reusable,
          max_uses: created.maxUses,
          name_prefix: namePrefix,
          created_at: seconds(created.createdAt),
          key: created.key,
          secret_withheld: created.key === null,
        },
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/registration-keys/{registration_key_id}/revoke",
    operationId: "revoke_registration_key",
    summary: "Revoke a registration key after a leak, and on request the instances that registered with it",
    description:
      "`instances`: `keep` them, `revoke` them (they stay in the list) or `remove` them; the last two need `instances:delete` too. The key ends first and for good. One call ends 10,000 instances at most: where `instances_remaining` is not 0, call again.",
    tags: ["api"],
    security: "account",
    permission: "registration-keys:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ instances: z.enum(FATES).default("keep") }),
      required: false,
      example: { instances: "revoke" },
    },
    responses: {
      200: {
        description: "Revoked, or it was so already.",
        schema: revoked,
        example: { ...REVOKED, effective: true },
      },
      202: {
        description: "Revoked; the tenant's gate has not acknowledged all of it yet, and will within minutes.",
        schema: revoked,
        example: { ...REVOKED, effective: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.registration_key_id;
      const done = await revokeRegistrationKey(context, id, input.body?.instances ?? "keep");
      return {
        status: done.effective ? 200 : 202,
        headers: { ...headers, ...replayHeaders(context) },
        body: {
          object: "registration_key",
          id,
          revoked_at: seconds(done.revokedAt),
          instances_ended: done.ended,
          instances_remaining: done.remaining,
          effective: done.effective,
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
    params,
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
      await removeRegistrationKey(context, id);
      return { status: 200, headers, body: { object: "registration_key", id, deleted: true } };
    },
  }),
];
