import * as z from "zod";
import { giveLease } from "../../instances/lease.ts";
import { seconds } from "../account-call.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

/** /instance/user/lease. */
export const instanceLeaseRoutes: RouteDefinition[] = [
  defineRoute({
    method: "POST",
    path: "/instance/user/lease",
    operationId: "create_offline_lease",
    summary: "Get a signed lease with which the instance can go on without a network",
    description:
      "A JWT of the type `offline-lease+jwt`, for this client alone (`aud`), that the keys of /.well-known/jwks.json verify: keep those beside it. It says who the person is (`sub`), on which instance, with which plan and entitlements, and until when (`exp`): as many days as the tenant allows, and never longer than the sign-in itself could last, or that plan. Refused with `offline-lease-off` where the tenant allows none. No access token, and never taken as one.",
    tags: ["instance"],
    security: "user-token",
    scope: "offline",
    responses: {
      200: {
        description: "The lease.",
        schema: z.object({ lease: z.string(), expires_at: z.int(), offline_days: z.int() }),
        example: { lease: "eyJ…", expires_at: 1795824000, offline_days: 7 },
      },
    },
    problems: ["offline-lease-off"],
    limited: true,
    handle: async ({ deps, requestId, credential }) => {
      const { lease, expiresAtMs, offlineDays, headers } = await giveLease(deps, requestId, credential);
      return {
        status: 200,
        headers,
        body: { lease, expires_at: seconds(expiresAtMs), offline_days: offlineDays },
      };
    },
  }),
];
