import * as z from "zod";
import { listWindows, type OwnWindow, type TenantWindow } from "../../retention/list-windows.ts";
import { setWindow } from "../../retention/set-window.ts";
import { accountCall, listSchema, seconds } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const own = z.object({ months: z.int(), effective_at: z.int() });

const tenantWindow = z.object({
  object: z.literal("retention_window"),
  retention_class: z.string(),
  class_title: z.string(),
  /** The schedule's, for whoever has none of its own; and between which bounds one may be set. */
  months: z.int(),
  least_months: z.int(),
  greatest_months: z.int(),
  current: own.nullable(),
  /** Set, and to come. */
  pending: own.nullable(),
});

const setTo = z.object({
  object: z.literal("retention_window"),
  tenant_id: z.string(),
  retention_class: z.string(),
  months: z.int(),
  effective_at: z.int(),
});

const TENANT = "tnt_01KAHJ0000A1B2C3D4E5F6G7H8";

function showsOwn(window: OwnWindow | null) {
  return window === null ? null : { months: window.months, effective_at: seconds(window.effectiveAt) };
}

function showsWindow({ name, title, months, least, greatest, current, pending }: TenantWindow) {
  return {
    object: "retention_window",
    retention_class: name,
    class_title: title,
    months,
    least_months: least,
    greatest_months: greatest,
    current: showsOwn(current),
    pending: showsOwn(pending),
  };
}

/** /api/v1/tenants/{tenant_id}/retention. */
export const windowRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/tenants/{tenant_id}/retention",
    operationId: "get_tenant_retention",
    summary: "The retention windows that may vary, and what the tenant has of its own",
    description:
      "Of the key's tenant or of one below it. All other classes are kept as the schedule says, for everybody.",
    tags: ["api"],
    security: "account",
    permission: "retention:read",
    params: z.object({ tenant_id: idSchema("tenant") }),
    responses: {
      200: {
        description: "Every class that may vary, with the tenant's own window where it has one.",
        schema: listSchema(tenantWindow),
        example: {
          object: "list",
          data: [
            {
              object: "retention_window",
              retention_class: "tool-execution-logs",
              class_title: "tool-execution logs",
              months: 12,
              least_months: 1,
              greatest_months: 24,
              current: { months: 6, effective_at: 1795219200 },
              pending: null,
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
      const { windows } = await listWindows(context);
      return { status: 200, headers, body: { object: "list", data: windows.map(showsWindow), next_cursor: null } };
    },
  }),
  defineRoute({
    method: "PUT",
    path: "/api/v1/tenants/{tenant_id}/retention/{retention_class}",
    operationId: "set_tenant_retention",
    summary: "Set a tenant's own window for a class of data; for the platform owner",
    description:
      "For tenants of the enterprise plan. A shorter window holds at once, also for what is stored already. A longer one holds in 30 days, so that people can be told first, and for what is stored from then on. One that was to come is replaced. Setting the schedule's own takes an agreement back.",
    tags: ["api"],
    security: "account",
    permission: "retention:write",
    ownerOnly: true,
    params: z.object({
      tenant_id: idSchema("tenant"),
      retention_class: z.string().regex(/^[a-z][a-z-]{1,39}$/),
    }),
    body: {
      content: "application/json",
      schema: z.object({ months: z.int() }),
      required: true,
      example: { months: 6 },
    },
    responses: {
      200: {
        description: "It is set, and holds from `effective_at` on.",
        schema: setTo,
        example: {
          object: "retention_window",
          tenant_id: TENANT,
          retention_class: "tool-execution-logs",
          months: 6,
          effective_at: 1795219200,
        },
      },
    },
    problems: ["tenant-suspended", "not-found", "window-not-variable", "plan-not-sufficient", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { tenant_id, retention_class } = input.params;
      const { months } = input.body;
      const { context, headers } = await accountCall(input, tenant_id);
      const { effectiveAt } = await setWindow(context, retention_class, months);
      return {
        status: 200,
        headers,
        body: { object: "retention_window", tenant_id, retention_class, months, effective_at: seconds(effectiveAt) },
      };
    },
  }),
];
