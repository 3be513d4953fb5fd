import * as z from "zod";
import type { Health } from "../../health/check.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

/** /healthz. Given the check, which remembers its answer: one an isolate. */
export function healthRoutes(checkHealth: () => Promise<Health>): RouteDefinition[] {
  return [
    defineRoute({
      method: "GET",
      path: "/healthz",
      operationId: "get_health",
      summary: "Whether the service and its database answer",
      description:
        "Degraded is no outage: without the database registered instances still renew their tokens and ping.",
      tags: ["meta"],
      security: "public",
      responses: {
        200: {
          description: "The service answers; `degraded` when its database does not.",
          schema: z.object({
            status: z.enum(["ok", "degraded"]),
            checks: z.object({ database: z.enum(["ok", "unreachable"]) }),
            checked_at: z.int(),
          }),
          example: { status: "ok", checks: { database: "ok" }, checked_at: 1795219200 },
        },
      },
      problems: [],
      handle: async () => {
        const { status, checks, checkedAtMs } = await checkHealth();
        return { status: 200, body: { status, checks, checked_at: Math.floor(checkedAtMs / 1000) } };
      },
    }),
  ];
}
