import * as z from "zod";
import { createWorkspace } from "../../workspaces/create.ts";
import { listWorkspaces } from "../../workspaces/list.ts";
import { removeWorkspace } from "../../workspaces/remove.ts";
import { showWorkspace } from "../../workspaces/show.ts";
import { updateWorkspace } from "../../workspaces/update.ts";
import type { Workspace } from "../../workspaces/workspace.ts";
import { accountCall, listBody, listSchema, pageQuery, replayHeaders, seconds } from "../account-call.ts";
import { etagOf, ifMatch } from "../etag.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { plainText } from "../text-schema.ts";

/** As the published contract has it. */
const workspace = z.object({ object: z.literal("workspace"), id: z.string(), name: z.string() });

const inFull = workspace.extend({
  claim_code_required: z.boolean().describe("Whether claiming an instance into it takes the code that it has printed."),
  generation: z.int().describe("Raised whenever membership, roles or access change: the same in all workspaces."),
  instances: z.int().describe("How many instances are in it."),
  created_at: z.int(),
  updated_at: z.int(),
});

const EXAMPLE = { object: "workspace", id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6", name: "Default" };
const EXAMPLE_IN_FULL = {
  ...EXAMPLE,
  claim_code_required: true,
  generation: 3,
  instances: 12,
  created_at: 1795219200,
  updated_at: 1795219200,
};

const ETAG = { etag: "The workspace as it is now: send it as If-Match with a PATCH." };
const params = z.object({ workspace_id: idSchema("workspace") });
const workspaceName = plainText(100)
  .min(1)
  .refine((text) => text.trim() !== "");
const shared = { tags: ["api"], security: "account", limited: true } as const;

function showsWorkspace(shown: Workspace) {
  return {
    object: "workspace",
    id: shown.id,
    name: shown.name,
    claim_code_required: shown.claimCodeRequired,
    generation: shown.generation,
    instances: shown.instances,
    created_at: seconds(shown.createdAt),
    updated_at: seconds(shown.updatedAt ?? shown.createdAt),
  };
}

/** What a PATCH compares: who else comes or leaves changes nothing that it is about. */
function versionOf(shown: Workspace) {
  const { instances: _, generation: __, ...version } = showsWorkspace(shown);
  return version;
}
const etag = async (shown: Workspace) => ({ etag: await etagOf(versionOf(shown)) });

/** /api/v1/workspace/{workspace_id} of the published contract, and /api/v1/workspaces. */
export const workspaceRoutes: RouteDefinition[] = [
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/workspace/{workspace_id}",
    operationId: "get_workspace",
    summary: "One workspace, in short",
    permission: "workspaces:read",
    params,
    responses: { 200: { description: "The workspace.", schema: workspace, example: EXAMPLE } },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { id, name } = await showWorkspace(context, input.params.workspace_id);
      return { status: 200, headers, body: { object: "workspace", id, name } };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/workspaces",
    operationId: "list_workspaces",
    summary: "The tenant's workspaces, oldest first",
    description: "What names no workspace goes into the first.",
    permission: "workspaces:read",
    query: pageQuery("workspace"),
    responses: {
      200: {
        description: "One page of workspaces.",
        schema: listSchema(inFull),
        example: { object: "list", data: [EXAMPLE_IN_FULL], next_cursor: null },
      },
    },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listWorkspaces(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsWorkspace) };
    },
  }),
  defineRoute({
    ...shared,
    method: "POST",
    path: "/api/v1/workspaces",
    operationId: "create_workspace",
    summary: "Make a workspace",
    permission: "workspaces:write",
    body: {
      content: "application/json",
      schema: z.object({ name: workspaceName, claim_code_required: z.boolean().default(true) }),
      required: true,
      example: { name: "Build machines" },
    },
    responses: { 201: { description: "Made.", schema: inFull, example: EXAMPLE_IN_FULL, headers: ETAG } },
    problems: ["outcome-unknown"],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, claim_code_required } = input.body;
      const made = await createWorkspace(context, { name, claimCodeRequired: claim_code_required });
      return {
        status: 201,
        headers: { ...headers, ...replayHeaders(context), ...(await etag(made)) },
        body: showsWorkspace(made),
      };
    },
  }),
  defineRoute({
    ...shared,
    method: "GET",
    path: "/api/v1/workspaces/{workspace_id}",
    operationId: "show_workspace",
    summary: "One workspace",
    permission: "workspaces:read",
    params,
    responses: { 200: { description: "The workspace.", schema: inFull, example: EXAMPLE_IN_FULL, headers: ETAG } },
    problems: [],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const shown = await showWorkspace(context, input.params.workspace_id);
      return { status: 200, headers: { ...headers, ...(await etag(shown)) }, body: showsWorkspace(shown) };
    },
  }),
  defineRoute({
    ...shared,
    method: "PATCH",
    path: "/api/v1/workspaces/{workspace_id}",
    operationId: "update_workspace",
    summary: "Rename a workspace, or waive the claim code",
    description:
      "What is left out stays. With If-Match it is changed only if its name and claim code are as you have seen them. Where no code is asked for, anybody of the tenant who reaches an unclaimed instance first can claim it into this workspace.",
    permission: "workspaces:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ name: workspaceName.optional(), claim_code_required: z.boolean().optional() }),
      required: true,
      example: { name: "Build machines" },
    },
    responses: { 200: { description: "Changed.", schema: inFull, example: EXAMPLE_IN_FULL, headers: ETAG } },
    problems: ["precondition-failed", "outcome-unknown"],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { name, claim_code_required } = input.body;
      const change = {
        ...(name !== undefined && { name }),
        ...(claim_code_required !== undefined && { claimCodeRequired: claim_code_required }),
      };
      const precondition = ifMatch(input.request, versionOf);
      const changed = await updateWorkspace(context, input.params.workspace_id, change, precondition);
      return { status: 200, headers: { ...headers, ...(await etag(changed)) }, body: showsWorkspace(changed) };
    },
  }),
  defineRoute({
    ...shared,
    method: "DELETE",
    path: "/api/v1/workspaces/{workspace_id}",
    operationId: "delete_workspace",
    summary: "Remove a workspace in which no instance is",
    description:
      "Registration keys that lead into it are revoked. Not the tenant's last one, nor one with instances: move or remove those first.",
    permission: "workspaces:write",
    params,
    responses: {
      200: {
        description: "Removed.",
        schema: z.object({ object: z.literal("workspace"), id: z.string(), deleted: z.literal(true) }),
        example: { object: "workspace", id: EXAMPLE.id, deleted: true },
      },
    },
    problems: ["workspace-not-empty", "outcome-unknown"],
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const id = input.params.workspace_id;
      await removeWorkspace(context, id);
      return { status: 200, headers, body: { object: "workspace", id, deleted: true } };
    },
  }),
];
