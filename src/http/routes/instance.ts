import * as z from "zod";
import { takeOfInstance } from "../../gate/user.ts";
import { recordAlive } from "../../telemetry/record-alive.ts";
import { workspaceOfInstance } from "../../tenants/workspace-of-instance.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { plainText } from "../text-schema.ts";

/** What Postgres could not store must never reach a journal. */
const osText = plainText(64).nullish();

const aliveInput = z.nullable(
  z.object({
    os: z.object({ kind: osText, name: osText, version: osText }).nullish(),
  }),
);

/** /instance/*: what an instance calls with its own access token. */
export const instanceRoutes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/instance/alive",
    operationId: "ping_alive",
    summary: "An instance says that it is alive, at its start and every 24 hours",
    description:
      "Answered only after the ping is durable. Counted once a UTC day and instance; a repeat is answered the same and stored nowhere. `collect: false` asks the instance not to send more: its tenant is suspended and nothing is kept.",
    tags: ["instance"],
    security: "instance-token",
    body: {
      content: "application/json",
      schema: aliveInput,
      required: false,
      example: { os: { kind: "linux", name: "Debian GNU/Linux", version: "12" } },
    },
    responses: {
      200: {
        description: "Alive status recorded.",
        schema: z.object({ collect: z.boolean() }),
        example: { collect: true },
      },
    },
    problems: [],
    limited: true,
    quiet: true,
    handle: async ({ deps, requestId, credential, body }) => {
      const { kind = null, name = null, version = null } = body?.os ?? {};
      const { collect, headers } = await recordAlive(deps, requestId, credential, { kind, name, version });
      return { status: 200, body: { collect }, headers };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/instance/owner",
    operationId: "get_owner",
    summary: "An instance asks whose it is",
    description: "The tenant that claimed it, which the published contract calls a team. Nothing is recorded.",
    tags: ["instance"],
    security: "instance-token",
    responses: {
      200: {
        description: "The instance's owner.",
        schema: z.object({ id: z.string(), kind: z.string() }),
        example: { id: "tnt_01KAHJ0000M2N4P6Q8S0T2V4W6", kind: "team" },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    quiet: true,
    handle: async ({ deps, requestId, credential }) => {
      const headers = await takeOfInstance(deps, requestId, credential);
      return { status: 200, headers, body: { id: credential.tenantId, kind: "team" } };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/instance/workspace",
    operationId: "get_instance_workspace",
    summary: "An instance asks in which workspace it is",
    description:
      "As it is now. `generation` is raised by every change of membership, role or access. Nothing is recorded.",
    tags: ["instance"],
    security: "instance-token",
    responses: {
      200: {
        description: "The instance's workspace.",
        schema: z.object({ id: z.string(), name: z.string(), generation: z.int().meta({ format: "int64" }) }),
        example: { id: "wsp_01KAHJ0000M2N4P6Q8S0T2V4W6", name: "Default", generation: 1 },
      },
    },
    problems: ["tenant-suspended", "tenant-closed"],
    limited: true,
    quiet: true,
    handle: async ({ deps, requestId, credential }) => {
      const headers = await takeOfInstance(deps, requestId, credential);
      const { id, name, generation } = await workspaceOfInstance(deps, credential);
      return { status: 200, headers, body: { id, name, generation } };
    },
  }),
];
