import * as z from "zod";
import { listTenants, type Tenant } from "../../tenants/list.ts";
import { accountCall, listBody, listSchema, pageQuery, seconds } from "../account-call.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";

const tenant = z.object({
  object: z.literal("tenant"),
  id: z.string(),
  parent_id: z.string().nullable(),
  kind: z.string(),
  name: z.string(),
  status: z.string(),
  created_at: z.int(),
});

function showsTenant({ id, parentId, kind, name, status, createdAt }: Tenant) {
  return { object: "tenant", id, parent_id: parentId, kind, name, status, created_at: seconds(createdAt) };
}

/** /api/v1/tenants. */
export const tenantRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/tenants",
    operationId: "get_tenants",
    summary: "The key's tenant and the tenants below it",
    tags: ["api"],
    security: "api-key",
    permission: "tenants:read",
    query: pageQuery("tenant"),
    responses: {
      200: {
        description: "One page of tenants.",
        schema: listSchema(tenant),
        example: {
          object: "list",
          data: [
            {
              object: "tenant",
              id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8",
              parent_id: null,
              kind: "direct",
              name: "Acme",
              status: "active",
              created_at: 1795219200,
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
      const { limit, cursor = null } = input.query;
      const page = await listTenants(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsTenant) };
    },
  }),
];
