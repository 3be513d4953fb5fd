import * as z from "zod";
import { tenantHealth } from "../../health/tenant.ts";
import { accountCall, seconds } from "../account-call.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

/** /api/v1/health. */
export const tenantHealthRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/health",
    operationId: "get_tenant_health",
    summary: "How the tenant is served: its gate, and the pings that have not reached the database yet",
    description:
      "`degraded` when the gate does not answer, when pings have waited for ten minutes, or when some could not be stored and were put aside for a week. Whether the service as a whole answers is `/healthz`.",
    tags: ["api"],
    security: "account",
    permission: "pings:read",
    responses: {
      200: {
        description: "As its gate last reported, some seconds ago.",
        schema: z.object({
          object: z.literal("health"),
          status: z.enum(["ok", "degraded"]),
          gate: z.enum(["ok", "unreachable"]),
          telemetry: z
            .object({
              heard_at: z.int(),
              pending: z.int(),
              recorded: z.int(),
              repeated: z.int(),
              dead: z.int(),
            })
            .nullable(),
        }),
        example: {
          object: "health",
          status: "ok",
          gate: "ok",
          telemetry: { heard_at: 1795219200, pending: 0, recorded: 1204, repeated: 3, dead: 0 },
        },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { status, gate, telemetry } = await tenantHealth(context);
      return {
        status: 200,
        headers,
        body: {
          object: "health",
          status,
          gate,
          telemetry:
            telemetry === null
              ? null
              : {
                  heard_at: seconds(telemetry.heardAt),
                  pending: telemetry.pending,
                  recorded: telemetry.recorded,
                  repeated: telemetry.repeated,
                  dead: telemetry.dead,
                },
        },
      };
    },
  }),
];
