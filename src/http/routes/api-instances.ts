import * as z from "zod";
import { type Instance, listInstances } from "../../instances/list.ts";
import { removeInstance } from "../../instances/remove.ts";
import { showInstance } from "../../instances/show.ts";
import { listPings, type Ping } from "../../telemetry/list-pings.ts";
import { accountCall, listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const instance = z.object({
  object: z.literal("instance"),
  id: z.string(),
  workspace_id: z.string(),
  name: z.string().nullable(),
  client_id: z.string(),
  scope: z.string(),
  registered_at: z.int(),
});

const ping = z.object({
  object: z.literal("ping"),
  kind: z.string(),
  day: z.string(),
  received_at: z.int(),
  expires_at: z.int(),
  os: z.object({ kind: z.string().nullable(), name: z.string().nullable(), version: z.string().nullable() }),
});

const removed = z.object({
  object: z.literal("instance"),
  id: z.string(),
  deleted: z.literal(true),
  effective: z.boolean(),
});

const EXAMPLE = {
  object: "instance",
  id: "ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC",
  workspace_id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
  name: null,
  client_id: "ebbc_…",
  scope: "profile:read",
  registered_at: 1795219200,
};
const PING_EXAMPLE = {
  object: "ping",
  kind: "alive",
  day: "2026-11-21",
  received_at: 1795225299,
  expires_at: 1797811200,
  os: { kind: "linux", name: "Debian GNU/Linux", version: "12" },
};
const page = (item: object) => ({ object: "list", data: [item], next_cursor: null });

const params = z.object({ instance_id: idSchema("instance") });

function showsInstance({ id, workspaceId, name, clientId, scope, registeredAt }: Instance) {
  return {
    object: "instance",
    id,
    workspace_id: workspaceId,
    name,
    client_id: clientId,
    scope,
    registered_at: seconds(registeredAt),
  };
}

function showsPing({ kind, bucket, receivedAt, expiresAt, osKind, osName, osVersion }: Ping) {
  return {
    object: "ping",
    kind,
    day: new Date(bucket).toISOString().slice(0, 10),
    received_at: seconds(receivedAt),
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
    tags: ["api"],
    security: "account",
    permission: "instances:read",
    query: pageQuery("instance"),
    responses: { 200: { description: "One page of instances.", schema: listSchema(instance), example: page(EXAMPLE) } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listInstances(context, { limit, after: cursor });
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
    responses: { 200: { description: "The instance.", schema: instance, example: EXAMPLE } },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const found = await showInstance(context, input.params.instance_id);
      return { status: 200, headers, body: showsInstance(found) };
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
    method: "DELETE",
    path: "/api/v1/instances/{instance_id}",
    operationId: "delete_instance",
    summary: "Remove an instance and revoke its tokens and its secret",
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
