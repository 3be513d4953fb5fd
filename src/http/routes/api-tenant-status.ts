import * as z from "zod";
import type { Permission } from "../../core/permission.ts";
import type { ProblemName } from "../../core/problem.ts";
import { closeTenant } from "../../tenants/close.ts";
import { moveTenant } from "../../tenants/move.ts";
import { suspendTenant } from "../../tenants/suspend.ts";
import type { Context } from "../../verb.ts";
import { accountCall, replayHeaders } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { effectiveSchema, TENANT_EXAMPLE } from "../tenant-body.ts";

interface Action {
  name: "suspend" | "resume" | "close" | "reopen";
  summary: string;
  description: string;
  permission: Permission;
  problems: readonly ProblemName[];
  act: (context: Context) => Promise<{ effective: boolean }>;
}

const ACTIONS: readonly Action[] = [
  {
    name: "suspend",
    summary: "Suspend a tenant and all below it",
    description:
      "From above alone. Pings are answered `200` with `collect: false` and not recorded; all else is refused with `tenant-suspended`.",
    permission: "tenants:write",
    problems: ["conflict"],
    act: (context) => suspendTenant(context, true),
  },
  {
    name: "resume",
    summary: "Resume a suspended tenant",
    description: "From above alone.",
    permission: "tenants:write",
    problems: ["conflict"],
    act: (context) => suspendTenant(context, false),
  },
  {
    name: "close",
    summary: "Close an account, with all below it",
    description:
      "After 30 days everything of it is deleted but what the law keeps; until then it can be reopened, by its owner in person and from above. Nobody else is let in.",
    permission: "tenants:close",
    problems: ["conflict"],
    act: (context) => closeTenant(context, true),
  },
  {
    name: "reopen",
    summary: "Take a closing back, within its 30 days",
    description: "By its owner in person, or from above.",
    permission: "tenants:close",
    problems: ["conflict"],
    act: (context) => closeTenant(context, false),
  },
];

const params = z.object({ tenant_id: idSchema("tenant") });
const responses = {
  200: {
    description: "Done, or it was so already.",
    schema: effectiveSchema,
    example: { object: "tenant", id: TENANT_EXAMPLE.id, effective: true },
  },
  202: {
    description: "Done; the tenant's gate has not acknowledged it yet.",
    schema: effectiveSchema,
    example: { object: "tenant", id: TENANT_EXAMPLE.id, effective: false },
  },
} as const;

/** /api/v1/tenants/{tenant_id}/suspend, resume, close, reopen and move. */
export const tenantStatusRoutes: RouteDefinition[] = [
  ...ACTIONS.map(({ name, summary, description, permission, problems, act }) =>
    defineRoute({
      method: "POST",
      path: `/api/v1/tenants/{tenant_id}/${name}`,
      operationId: `${name}_tenant`,
      summary,
      description,
      tags: ["tenants"],
      security: "account",
      permission,
      params,
      responses,
      problems: [...problems, "outcome-unknown"],
      limited: true,
      handle: async (input) => {
        const id = input.params.tenant_id;
        const { context, headers } = await accountCall(input, id);
        const { effective } = await act(context);
        return answer(id, effective, { ...headers, ...replayHeaders(context) });
      },
    }),
  ),
  defineRoute({
    method: "POST",
    path: "/api/v1/tenants/{tenant_id}/move",
    operationId: "move_tenant",
    summary: "Move a client to another reseller, or make it a direct customer",
    description:
      "For the platform owner, whose own id as `parent_id` makes it a direct customer. What the former reseller allotted ends, and so do the keys that it made there.",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ parent_id: idSchema("tenant") }),
      required: true,
      example: { parent_id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H9" },
    },
    responses,
    problems: ["conflict", "plan-not-sufficient", "allotments-exceed-total", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const id = input.params.tenant_id;
      const { context, headers } = await accountCall(input, id);
      const { effective } = await moveTenant(context, input.body.parent_id);
      return answer(id, effective, { ...headers, ...replayHeaders(context) });
    },
  }),
];

function answer(id: string, effective: boolean, headers: Record<string, string>) {
  return { status: effective ? 200 : 202, headers, body: { object: "tenant", id, effective } };
}
