import * as z from "zod";
import { REGIONS } from "../../core/region.ts";
import { PLANS } from "../../limits/plans.ts";
import { sendMail } from "../../mail/send.ts";
import { createTenant } from "../../tenants/create.ts";
import { listTenants } from "../../tenants/list.ts";
import { LONGEST_LEASE_DAYS, setOfflineLease } from "../../tenants/offline-lease.ts";
import { renameTenant } from "../../tenants/rename.ts";
import { showTenant } from "../../tenants/show.ts";
import { accountCall, keyName, listBody, listSchema, pageQuery, replayHeaders } from "../account-call.ts";
import { etagOf, ifMatch } from "../etag.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { fullTenantSchema, showsFullTenant, showsTenant, TENANT_EXAMPLE, tenantSchema } from "../tenant-body.ts";
import { emailAddress } from "../text-schema.ts";

const FULL_EXAMPLE = { ...TENANT_EXAMPLE, home_region: "any", plan: "team", controller: null, offline_lease_days: 7 };
const ETAG = { ETag: "Names this state: send it as If-Match with a change." };
const params = z.object({ tenant_id: idSchema("tenant") });

/** /api/v1/tenants. */
export const tenantRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path: "/api/v1/tenants",
    operationId: "get_tenants",
    summary: "The caller's tenant and the tenants below it",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:read",
    query: pageQuery("tenant"),
    responses: {
      200: {
        description: "One page of tenants, oldest first.",
        schema: listSchema(tenantSchema),
        example: { object: "list", data: [TENANT_EXAMPLE], next_cursor: null },
      },
    },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { limit, cursor = null } = input.query;
      const page = await listTenants(context, { limit, after: cursor });
      return { status: 200, headers, body: listBody(page, showsTenant) };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/v1/tenants",
    operationId: "create_tenant",
    summary: "Make a tenant below the caller's, or below the one that `tenant_id` names",
    description:
      "The platform owner makes resellers and direct customers, a reseller makes clients with at most its own plan. " +
      "Nobody belongs to it yet: `owner_email` is invited to be its first owner. Its region is for good.",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:write",
    body: {
      content: "application/json",
      schema: z.object({
        kind: z.enum(["reseller", "direct", "client"]),
        name: keyName,
        plan: z.enum(PLANS).default("free"),
        region: z.enum(REGIONS).default("any"),
        owner_email: emailAddress.nullish(),
      }),
      required: true,
      example: { kind: "client", name: "Acme", plan: "team", owner_email: "grace@acme.example" },
    },
    responses: { 201: { description: "Made.", schema: tenantSchema, example: TENANT_EXAMPLE } },
    problems: ["conflict", "plan-not-sufficient", "allotments-exceed-total", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input);
      const { owner_email: ownerEmail = null, ...wanted } = input.body;
      const tenant = await createTenant(context, { ...wanted, ownerEmail });
      if (ownerEmail !== null) await sendMail(context.deps);
      return { status: 201, headers: { ...headers, ...replayHeaders(context) }, body: showsTenant(tenant) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/v1/tenants/{tenant_id}",
    operationId: "get_tenant",
    summary: "A tenant, with its plan and the controller of its data",
    description: "A client's controller is its reseller, under the name and contacts that it has set (its brand).",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:read",
    params,
    responses: { 200: { description: "The tenant.", schema: fullTenantSchema, example: FULL_EXAMPLE, headers: ETAG } },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const body = showsFullTenant(await showTenant(context));
      return { status: 200, headers: { ...headers, etag: await etagOf(body) }, body };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/api/v1/tenants/{tenant_id}",
    operationId: "rename_tenant",
    summary: "Rename a tenant",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ name: keyName }),
      required: true,
      example: { name: "Acme Ltd" },
    },
    responses: { 200: { description: "Renamed.", schema: fullTenantSchema, example: FULL_EXAMPLE, headers: ETAG } },
    problems: ["conflict", "precondition-failed", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const tenant = await renameTenant(context, input.body.name, ifMatch(input.request, showsFullTenant));
      const body = showsFullTenant(tenant);
      return { status: 200, headers: { ...headers, etag: await etagOf(body) }, body };
    },
  }),
  defineRoute({
    method: "PUT",
    path: "/api/v1/tenants/{tenant_id}/offline-lease",
    operationId: "set_offline_lease",
    summary: "Set for how many days a tenant's instances may go on without us",
    description:
      "The life of the offline leases that are given from now on; with 0 none are. Those given before stay good until their own end: nothing can take back what is verified without a network.",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({ days: z.int().min(0).max(LONGEST_LEASE_DAYS) }),
      required: true,
      example: { days: 14 },
    },
    responses: {
      200: {
        description: "Set.",
        schema: z.object({ object: z.literal("tenant"), id: z.string(), offline_lease_days: z.int() }),
        example: { object: "tenant", id: TENANT_EXAMPLE.id, offline_lease_days: 14 },
      },
    },
    problems: ["conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const { id, days } = await setOfflineLease(context, input.body.days);
      return { status: 200, headers, body: { object: "tenant", id, offline_lease_days: days } };
    },
  }),
];
