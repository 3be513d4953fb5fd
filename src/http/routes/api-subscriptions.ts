import * as z from "zod";
import { PLANS } from "../../limits/plans.ts";
import { changePlan } from "../../tenants/change-plan.ts";
import { listSubscriptions } from "../../tenants/list-subscriptions.ts";
import { accountCall, seconds, secondsOrNull } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { seatCount } from "../seat-schema.ts";
import { effectiveSchema, TENANT_EXAMPLE } from "../tenant-body.ts";

const path = "/api/v1/tenants/{tenant_id}/subscription";
const params = z.object({ tenant_id: idSchema("tenant") });
const subscription = z.object({
  object: z.literal("subscription"),
  id: z.string(),
  plan: z.string(),
  status: z.string(),
  started_at: z.int(),
  ends_at: z.int().nullable().describe("When it is to end by itself; null: it goes on."),
  ended_at: z.int().nullable(),
  seats: z.int().nullable().describe("How many people may hold a seat; null: any number."),
  seats_used: z
    .int()
    .nullable()
    .describe("Seats taken by members and held by open invitations; null of one that has ended."),
  trial: z.boolean(),
  updated_at: z.int(),
});
const changed = {
  200: {
    description: "Done.",
    schema: effectiveSchema,
    example: { object: "tenant", id: TENANT_EXAMPLE.id, effective: true },
  },
  202: {
    description: "Done; the tenant's gate has not acknowledged it yet.",
    schema: effectiveSchema,
    example: { object: "tenant", id: TENANT_EXAMPLE.id, effective: false },
  },
} as const;

/** /api/v1/tenants/{tenant_id}/subscription. */
export const subscriptionRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path,
    operationId: "get_tenant_subscription",
    summary: "The plans that a tenant has had, the running one last",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:read",
    params,
    responses: {
      200: {
        description: "All of them, until they are forgotten.",
        schema: z.object({ object: z.literal("list"), data: z.array(subscription), next_cursor: z.null() }),
        example: {
          object: "list",
          data: [
            {
              object: "subscription",
              id: "sub_01KAHJ0000A1B2C3D4E5F6G7H8",
              plan: "team",
              status: "active",
              started_at: 1795219200,
              ends_at: null,
              ended_at: null,
              seats: 25,
              seats_used: 7,
              trial: false,
              updated_at: 1795219200,
            },
          ],
          next_cursor: null,
        },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const { subscriptions, seatsUsed } = await listSubscriptions(context, input.params.tenant_id);
      const data = subscriptions.map((shown) => ({
        object: "subscription",
        id: shown.id,
        plan: shown.plan,
        status: shown.status,
        started_at: seconds(shown.startedAt),
        ends_at: secondsOrNull(shown.endsAt),
        ended_at: secondsOrNull(shown.endedAt),
        seats: shown.seats,
        seats_used: shown.status === "active" ? seatsUsed : null,
        trial: shown.trial,
        updated_at: seconds(shown.updatedAt ?? shown.startedAt),
      }));
      return { status: 200, headers, body: { object: "list", data, next_cursor: null } };
    },
  }),
  defineRoute({
    method: "PUT",
    path,
    operationId: "change_plan",
    summary: "Put a tenant on a plan",
    description:
      "From above alone; a reseller's client has at most the reseller's plan. Retention windows of its own that the plan does not allow go back to the schedule's, a longer one in 30 days. `seats`: how many people may hold a seat; any number when left out or null. The same plan with other seats goes on as the same subscription.",
    tags: ["tenants"],
    security: "account",
    permission: "subscriptions:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ plan: z.enum(PLANS), seats: seatCount.nullish() }),
      required: true,
      example: { plan: "team", seats: 25 },
    },
    responses: changed,
    problems: ["conflict", "plan-not-sufficient", "allotments-exceed-total", "no-seat-left", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const id = input.params.tenant_id;
      const { context, headers } = await accountCall(input, id);
      const { effective } = await changePlan(context, input.body.plan, input.body.seats ?? null);
      return { status: effective ? 200 : 202, headers, body: { object: "tenant", id, effective } };
    },
  }),
  defineRoute({
    method: "DELETE",
    path,
    operationId: "end_subscription",
    summary: "End a tenant's subscription",
    description:
      "From above alone. From then on customer data is kept for 30 days and account information for 90; a new plan before that takes it back.",
    tags: ["tenants"],
    security: "account",
    permission: "subscriptions:write",
    params,
    responses: changed,
    problems: ["conflict", "allotments-exceed-total", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const id = input.params.tenant_id;
      const { context, headers } = await accountCall(input, id);
      const { effective } = await changePlan(context, null);
      return { status: effective ? 200 : 202, headers, body: { object: "tenant", id, effective } };
    },
  }),
];
