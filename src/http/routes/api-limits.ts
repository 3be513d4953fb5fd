import * as z from "zod";
import type { InspectedPolicy, Refusal } from "../../gate/protocol.ts";
import type { PolicyState } from "../../limits/limiter.ts";
import { LARGEST_LIMIT } from "../../limits/policy.ts";
import { allotLimit } from "../../tenant-limits/allot.ts";
import { inspectLimits } from "../../tenant-limits/inspect.ts";
import { overrideLimit } from "../../tenant-limits/override.ts";
import { resellerOf } from "../../tenant-limits/reseller-of.ts";
import { accountCall, listSchema, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const policyName = z.string().regex(/^[a-z][a-z0-9-]{1,39}$/);
const ofTenant = z.object({ tenant_id: idSchema("tenant") });
const ofPolicy = z.object({ tenant_id: idSchema("tenant"), policy: policyName });

const limit = z.object({
  object: z.literal("limit"),
  policy: z.string(),
  route_class: z.string(),
  scope: z.string(),
  unit: z.string(),
  limit: z.int(),
  /** Null: a UTC calendar month. */
  window_s: z.int().nullable(),
  source: z.enum(["plan", "override", "allotment"]),
  used: z.int().nullable(),
  remaining: z.int().nullable(),
  resets_in_s: z.int().nullable(),
});

const LIMIT = {
  object: "limit",
  policy: "alive-tenant",
  route_class: "alive",
  scope: "tenant",
  unit: "requests",
  limit: 10000,
  window_s: 60,
  source: "plan",
  used: 12,
  remaining: 9988,
  resets_in_s: 41,
} as const;

function windowS(window: number | "month"): number | null {
  return window === "month" ? null : window;
}

function showsLimit({ name, routeClass, scope, unit, limit: most, windowS: window, source, state }: InspectedPolicy) {
  return {
    object: "limit",
    policy: name,
    route_class: routeClass,
    scope,
    unit,
    limit: most,
    window_s: windowS(window),
    source,
    used: state === null ? null : most - state.remaining,
    remaining: state?.remaining ?? null,
    resets_in_s: state?.resetS ?? null,
  };
}

const refusal = z.object({
  object: z.literal("refusal"),
  at: z.int(),
  request_id: z.string(),
  route_class: z.string(),
  subjects: z.record(z.string(), z.string()),
  violated: z.array(z.string()),
  /** Null: waiting does not help. */
  retry_after_s: z.int().nullable(),
  policies: z.array(
    z.object({
      policy: z.string(),
      limit: z.int(),
      window_s: z.int().nullable(),
      remaining: z.int(),
      resets_in_s: z.int(),
    }),
  ),
});

function showsState({ name, limit: most, windowS: window, remaining, resetS }: PolicyState) {
  return { policy: name, limit: most, window_s: windowS(window), remaining, resets_in_s: resetS };
}

function showsRefusal({ at, requestId, routeClass, subjects, violated, states, retryAfterS }: Refusal) {
  return {
    object: "refusal",
    at: seconds(at),
    request_id: requestId,
    route_class: routeClass,
    subjects,
    violated,
    retry_after_s: retryAfterS,
    policies: states.map(showsState),
  };
}

const setting = z.object({
  object: z.enum(["limit_override", "limit_allotment"]),
  tenant_id: z.string(),
  policy: z.string(),
  limit: z.int().nullable(),
  effective: z.boolean(),
});
const SETTING = { tenant_id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8", policy: "alive-tenant", limit: 5000 };

function settingResponses(object: "limit_override" | "limit_allotment", most: number | null) {
  const example = { object, ...SETTING, limit: most };
  return {
    200: { description: "It holds from the next call on.", schema: setting, example: { ...example, effective: true } },
    202: {
      description: "It is set; the tenant's gate has not acknowledged it yet.",
      schema: setting,
      example: { ...example, effective: false },
    },
  };
}

const atMost = z.object({ limit: z.int().min(0).max(LARGEST_LIMIT) });

/** What limits hold for a tenant, how full they are, and what they refused; /api/v1/tenants/{tenant_id}/… */
const looking: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/tenants/{tenant_id}/limits",
    operationId: "get_tenant_limits",
    summary: "The limits of the key's tenant or of one below it, and how full they are now",
    description:
      "A policy of one instance is counted when `instance_id` names it. What a reseller allots to a client is shown to those above the client alone.",
    tags: ["api"],
    security: "account",
    permission: "limits:read",
    params: ofTenant,
    query: z.object({ instance_id: idSchema("instance").optional() }),
    responses: {
      200: {
        description: "Every policy, by route class.",
        schema: listSchema(limit).extend({ plan: z.string(), status: z.string() }),
        example: { object: "list", data: [LIMIT], next_cursor: null, plan: "team", status: "active" },
      },
    },
    problems: ["tenant-suspended", "not-found"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const instance = input.query.instance_id;
      const { plan, status, policies } = await inspectLimits(context, instance === undefined ? {} : { instance });
      return {
        status: 200,
        headers,
        body: { object: "list", data: policies.map(showsLimit), next_cursor: null, plan, status },
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/tenants/{tenant_id}/refusals",
    operationId: "get_tenant_refusals",
    summary: "The calls that limits lately refused, newest first",
    description:
      "At most 50 of the last hour. Of a caller who is refused without end only the last are kept, and of those the very last may be lost when the tenant's gate falls asleep.",
    tags: ["api"],
    security: "account",
    permission: "limits:read",
    params: ofTenant,
    responses: {
      200: {
        description: "Refusals with the state of every policy that applied.",
        schema: listSchema(refusal),
        example: {
          object: "list",
          data: [
            {
              object: "refusal",
              at: 1795219200,
              request_id: "req_01KAHJ0000A1B2C3D4E5F6G7H8",
              route_class: "alive",
              subjects: { instance: "ins_01KAHJ0000A1B2C3D4E5F6G7H8" },
              violated: ["alive-instance"],
              retry_after_s: 1800,
              policies: [{ policy: "alive-instance", limit: 30, window_s: 3600, remaining: 0, resets_in_s: 1800 }],
            },
          ],
          next_cursor: null,
        },
      },
    },
    problems: ["tenant-suspended", "not-found"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const { refusals } = await inspectLimits(context, {});
      return { status: 200, headers, body: { object: "list", data: refusals.map(showsRefusal), next_cursor: null } };
    },
  }),
];

/** PUT and DELETE of one setting: an override by the platform owner, or what a reseller allots to a client. */
function settingRoutes(kind: "limit_override" | "limit_allotment"): RouteDefinition[] {
  const overrides = kind === "limit_override";
  const segment = overrides ? "limits" : "allotments";
  const path = `/api/v1/tenants/{tenant_id}/${segment}/{policy}`;
  const facts = {
    path,
    tags: ["api"],
    security: "account" as const,
    permission: "limits:write",
    params: ofPolicy,
    problems: ["tenant-suspended", "not-found", "allotments-exceed-total", "outcome-unknown"] as const,
    limited: true,
  };
  async function set(
    input: Parameters<typeof accountCall>[0] & { params: z.output<typeof ofPolicy> },
    most: number | null,
  ) {
    const { tenant_id, policy } = input.params;
    // An allotment is the reseller's: it is entered, and the client named.
    const { context, headers } = await accountCall(input, tenant_id);
    const { effective } = overrides
      ? await overrideLimit(context, policy, most)
      : await allotLimit({ ...context, target: await resellerOf(context) }, tenant_id, policy, most);
    return {
      status: effective ? 200 : 202,
      headers,
      body: { object: kind, tenant_id, policy, limit: most, effective },
    };
  }
  return [
    defineRoute({
      ...facts,
      method: "PUT",
      operationId: overrides ? "set_tenant_limit" : "set_tenant_allotment",
      summary: overrides
        ? "Set a tenant's own limit instead of its plan's; for the platform owner"
        : "Set what a reseller allots to a client out of its own limit",
      description: overrides
        ? "Binds at once. 0 closes what the policy counts."
        : "Binds at once, and the client does not learn of it: its own limit stays what it was, and where the allotment refuses it reads `upstream-limit`. Refused when the clients would together have more than the reseller.",
      body: { content: "application/json", schema: atMost, required: true, example: { limit: 5000 } },
      responses: settingResponses(kind, 5000),
      handle: async (input) => await set(input, input.body.limit),
    }),
    defineRoute({
      ...facts,
      method: "DELETE",
      operationId: overrides ? "delete_tenant_limit" : "delete_tenant_allotment",
      summary: overrides ? "Give a tenant's limit back to its plan; for the platform owner" : "Take an allotment back",
      responses: settingResponses(kind, null),
      handle: async (input) => await set(input, null),
    }),
  ];
}

/** /api/v1/tenants/{tenant_id}/{limits,refusals,allotments}. */
export const limitRoutes: RouteDefinition[] = [
  ...looking,
  ...settingRoutes("limit_override"),
  ...settingRoutes("limit_allotment"),
];
