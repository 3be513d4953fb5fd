import * as z from "zod";
import type { AccountCredential } from "../../access/credential.ts";
import { toHex } from "../../core/bytes.ts";
import type { InspectedPolicy } from "../../gate/protocol.ts";
import type { Subjects } from "../../limits/policy.ts";
import { inspectLimits } from "../../tenant-limits/inspect.ts";
import { accountCall, listSchema, seconds } from "../account-call.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const usage = z.object({
  object: z.literal("usage"),
  policy: z.string(),
  /** Whose use it is: the whole tenant's, or that of the key or person that asks. */
  scope: z.enum(["tenant", "key", "person"]),
  unit: z.string(),
  period: z.enum(["window", "month"]),
  window_s: z.int().nullable(),
  used: z.int(),
  limit: z.int(),
  remaining: z.int(),
  /** When the oldest of it counts no more; null where nothing was used. */
  resets_at: z.int().nullable(),
});

function showsUsage({ name, scope, unit, windowS, limit, state }: InspectedPolicy, nowMs: number) {
  const { remaining, resetS } = state as NonNullable<typeof state>;
  return {
    object: "usage",
    policy: name,
    scope,
    unit,
    period: windowS === "month" ? "month" : "window",
    window_s: windowS === "month" ? null : windowS,
    used: limit - remaining,
    limit,
    remaining,
    resets_at: resetS === 0 ? null : seconds(nowMs) + resetS,
  };
}

/** By what limits count a key; who asks in person is known to the verb. */
function callerOf(credential: AccountCredential): Subjects {
  return credential.kind === "session" ? {} : { key: toHex(credential.hash) };
}

/** /api/v1/usage. */
export const usageRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/usage",
    operationId: "get_usage",
    summary: "What the tenant has used of its quotas and tenant-wide limits, and the caller of its own",
    description:
      "Quotas are counted by calendar month in UTC, limits over the trailing window. Who asks about a tenant below sees what that tenant has used: its own use is counted at its own tenant.",
    tags: ["api"],
    security: "account",
    permission: "limits:read",
    responses: {
      200: {
        description: "Every tenant-wide policy and those of the caller; monthly quotas first.",
        schema: listSchema(usage),
        example: {
          object: "list",
          data: [
            {
              object: "usage",
              policy: "telemetry-events",
              scope: "tenant",
              unit: "events",
              period: "month",
              window_s: null,
              used: 12500,
              limit: 1000000,
              remaining: 987500,
              resets_at: 1796083200,
            },
          ],
          next_cursor: null,
        },
      },
    },
    problems: ["tenant-suspended"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { policies } = await inspectLimits(context, callerOf(input.credential));
      const nowMs = input.deps.clock.now();
      const data = policies
        .filter(({ state, routeClass, scope }) => state !== null && (scope === "tenant" || routeClass === "account"))
        .map((policy) => showsUsage(policy, nowMs))
        .toSorted((a, b) => a.period.localeCompare(b.period));
      return { status: 200, headers, body: { object: "list", data, next_cursor: null } };
    },
  }),
];
