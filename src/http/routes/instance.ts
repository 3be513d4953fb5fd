import * as z from "zod";
import { recordAlive } from "../../telemetry/record-alive.ts";
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
];
