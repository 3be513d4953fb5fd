import * as z from "zod";
import { type Instance, listInstances } from "../../instances/list.ts";
import { removeInstance } from "../../instances/remove.ts";
import { revokeInstance } from "../../instances/revoke.ts";
import { showInstance } from "../../instances/show.ts";
import { updateInstance } from "../../instances/update.ts";
import { listPings, type Ping } from "../../telemetry/list-pings.ts";
import {
  accountCall,
  keyName,
  listBody,
  listSchema,
  pageQuery,
  replayHeaders,
  seconds,
  secondsOrNull,
} from "../account-call.ts";
import { etagOf, ifMatch } from "../etag.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const instance = z.object({
  object: z.literal("instance"),
  id: z.string(),
  workspace_id: z.string(),
  name: z.string().nullable(),
  client_id: z.string(),
  scope: z.string(),
  grant_types: z.array(z.string()),
  /** The key with which it registered. */
  registration_key_id: z.string().nullable(),
  registered_at: z.int(),
  /** When a person claimed it. */
  claimed_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
});

const ping = z.object({
  object: z.literal("ping"),
  kind: z.string(),
  day: z.string(),
  expires_at: z.int(),
  os: z.object({ kind: z.string().nullable(), name: z.string().nullable(), version: z.string().nullable() }),
});

const removed = z.object({
  object: z.literal("instance"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean(),
});

const revoked = removed.omit({ deleted: true }).extend({ revoked: z.literal(true) });

const EXAMPLE = {
  object: "instance",
  id: "ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC",
  workspace_id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
  name: "lab-x7k2p9",
  client_id: "ebbc_…",
  scope: "profile:read",
  grant_types: ["client_credentials"],
  registration_key_id: "rgk_01KAHJ5555X6Y7Z8A9B0C1D2E3",
  registered_at: 1795219200,
  claimed_at: null,
  revoked_at: null,
};
const PING_EXAMPLE = {
  object: "ping",
  kind: "alive",
  day: "2026-11-21",
  expires_at: 1797811200,
  os: { kind: "linux", name: "Debian GNU/Linux", version: "12" },
};
const page = (item: object) => ({ object: "list", data: [item], next_cursor: null });

const params = z.object({ instance_id: idSchema("instance") });
const ETAG = { ETag: "Names this state of the instance, for If-Match." };

function showsInstance(instance: Instance) {
  return {
    object: "instance",
    id: instance.id,
    workspace_id: instance.workspaceId,
    name: instance.name,
    client_id: instance.clientId,
    scope: instance.scope,
    grant_types: instance.grantTypes,
    registration_key_id: instance.registrationKeyId,
    registered_at: seconds(instance.registeredAt),
    claimed_at: secondsOrNull(instance.claimedAt),
    revoked_at: secondsOrNull(instance.revokedAt),
  };
}

function showsPing({ kind, bucket, expiresAt, osKind, osName, osVersion }: Ping) {
  return {
    object: "ping",
    kind,
    day: new Date(bucket).toISOString().slice(0, 10),
    expires_at: seconds(expiresAt),
    os: { kind: osKind, name: osName, version: osVersion },
  };
}

/** /api/v1/instances. */
export const instanceAccountRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/instances",
    operationId: "get_instances",
    summary: "The tenant's instances, oldest first",
    description: "Revoked ones too; not those that were removed.",
    tags: ["api"],
    security: "account",
    permission: "instances:read",
    query: pageQuery("instance").extend({
      workspace_id: idSchema("workspace").optional().describe("Only those of this workspace."),
      registration_key_id: idSchema("registrationKey").optional().describe("Only those that registered with this key."),
    }),
    responses: { 200: { description: "One page of instances.", schema: listSchema(instance), example: page(EXAMPLE) } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null, workspace_id = null, registration_key_id = null } = input.query;
      const filter = { workspaceId: workspace_id, registrationKeyId: registration_key_id };
      const page = await listInstances(context, { limit, after: cursor }, filter);
      return { status: 200, headers, body: listBody(page, showsInstance) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/instances/{instance_id}",
    operationId: "get_instance",
    summary: "One instance",
    tags: ["api"],
    security: "account",
    permission: "instances:read",
    params,
    responses: { 200: { description: "The instance.", schema: instance, example: EXAMPLE, headers: ETAG } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const body = showsInstance(await showInstance(context, input.params.instance_id));
      return { status: 200, headers: { ...headers, etag: await etagOf(body) }, body };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/api/v1/instances/{instance_id}",
    operationId: "update_instance",
    summary: "Rename an instance, or move it to another workspace",
    description:
      "What is left out stays. When it moves, the access tokens of the people signed in on it are refused with `token-outdated` until they are refreshed, and nobody else's. Send the instance's ETag as If-Match to change only what you have seen.",
    tags: ["api"],
    security: "account",
    permission: "instances:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ name: keyName.optional(), workspace_id: idSchema("workspace").optional() }),
      required: true,
      example: { name: "build machine 7", workspace_id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6" },
    },
    responses: {
      200: { description: "The instance as it is now.", schema: instance, example: EXAMPLE, headers: ETAG },
      202: {
        description: "Changed; the tenant's gate has not acknowledged it yet, and takes older tokens for a while.",
        schema: instance,
        example: EXAMPLE,
        headers: ETAG,
      },
    },
    problems: ["tenant-suspended", "precondition-failed", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, workspace_id: workspaceId } = input.body;
      const change = { ...(name !== undefined && { name }), ...(workspaceId !== undefined && { workspaceId }) };
      const precondition = ifMatch(input.request, showsInstance);
      const changed = await updateInstance(context, input.params.instance_id, change, precondition);
      const body = showsInstance(changed.instance);
      return { status: changed.effective ? 200 : 202, headers: { ...headers, etag: await etagOf(body) }, body };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/instances/{instance_id}/pings",
    operationId: "get_instance_pings",
    summary: "What is kept of an instance's pings, newest first",
    description: "One a day, for 30 days. A ping appears here some seconds after it was acknowledged.",
    tags: ["api"],
    security: "account",
    permission: "pings:read",
    params,
    responses: { 200: { description: "The pings.", schema: listSchema(ping), example: page(PING_EXAMPLE) } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const pings = await listPings(context, input.params.instance_id);
      return { status: 200, headers, body: listBody({ items: pings, next: null }, showsPing) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/instances/{instance_id}/revoke",
    operationId: "revoke_instance",
    summary: "Revoke an instance: its secret, its tokens and the sign-ins on it",
    description: "For good; its program must register anew. It stays in the list, and what it has sent stays.",
    tags: ["api"],
    security: "account",
    permission: "instances:delete",
    params,
    responses: {
      200: {
        description: "Revoked, or it was so already, and refused from now on.",
        schema: revoked,
        example: { object: "instance", id: EXAMPLE.id, revoked: true, effective: true },
      },
      202: {
        description: "Revoked; its gate could not be told yet, and will be within minutes.",
        schema: revoked,
        example: { object: "instance", id: EXAMPLE.id, revoked: true, effective: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.instance_id;
      const { effective } = await revokeInstance(context, id);
      return {
        status: effective ? 200 : 202,
        headers: { ...headers, ...replayHeaders(context) },
        body: { object: "instance", id, revoked: true, effective },
      };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/api/v1/instances/{instance_id}",
    operationId: "delete_instance",
    summary: "Remove an instance and revoke its tokens, its secret and the sign-ins on it",
    tags: ["api"],
    security: "account",
    permission: "instances:delete",
    params,
    responses: {
      200: {
        description: "Removed, and refused from now on.",
        schema: removed,
        example: { object: "instance", id: EXAMPLE.id, deleted: true, effective: true },
      },
      202: {
        description: "Removed; its gate could not be told yet, and will be within minutes.",
        schema: removed,
        example: { object: "instance", id: EXAMPLE.id, deleted: true, effective: false },
      },
    },
    problems: ["tenant-suspended", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.instance_id;
      const { effective } = await removeInstance(context, id);
      return { status: effective ? 200 : 202, headers, body: { object: "instance", id, deleted: true, effective } };
    },
  }),
];
