import * as z from "zod";
import { setBrand, showBrand } from "../../tenants/brand.ts";
import { accountCall, keyName } from "../account-call.ts";
import { idSchema } from "../id-schema.ts";
import { defineRoute, type RouteDefinition } from "../route.ts";
import { brandSchema, showsBrand } from "../tenant-body.ts";
import { plainText } from "../text-schema.ts";

const path = "/api/v1/tenants/{tenant_id}/brand";
const params = z.object({ tenant_id: idSchema("tenant") });
const EXAMPLE = {
  name: "Northwind Hosting",
  logo_url: "https://northwind.example/logo.svg",
  contact: "support@northwind.example",
  privacy_contact: "privacy@northwind.example",
};
/** Shown in pages of ours: https alone, and no credentials in it. */
const logoUrl = z
  .string()
  .max(500)
  .regex(/^https:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?\/[\x21-\x7e]*$/);

/** /api/v1/tenants/{tenant_id}/brand. */
export const brandRoutes: RouteDefinition[] = [
  defineRoute({
    method: "GET",
    path,
    operationId: "get_brand",
    summary: "How a reseller appears to its clients",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:read",
    params,
    responses: { 200: { description: "The brand.", schema: brandSchema, example: EXAMPLE } },
    problems: [],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      return { status: 200, headers, body: showsBrand(await showBrand(context, input.params.tenant_id)) };
    },
  }),
  defineRoute({
    method: "PUT",
    path,
    operationId: "set_brand",
    summary: "Set how a reseller appears to its clients",
    description:
      "Of resellers alone: they are the controllers of their clients' data, and their clients see whom to ask.",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:write",
    params,
    body: {
      content: "application/json",
      schema: z.object({
        name: keyName,
        logo_url: logoUrl.nullish(),
        contact: plainText(200).min(1).nullish(),
        privacy_contact: plainText(200).min(1).nullish(),
      }),
      required: true,
      example: EXAMPLE,
    },
    responses: { 200: { description: "Set.", schema: brandSchema, example: EXAMPLE } },
    problems: ["conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      const { name, logo_url = null, contact = null, privacy_contact = null } = input.body;
      const brand = { name, logoUrl: logo_url, contact, privacyContact: privacy_contact };
      await setBrand(context, brand);
      return { status: 200, headers, body: showsBrand(brand) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path,
    operationId: "delete_brand",
    summary: "Appear by the tenant's name alone",
    tags: ["tenants"],
    security: "account",
    permission: "tenants:write",
    params,
    responses: { 204: { description: "Done, or it was so already." } },
    problems: ["conflict", "outcome-unknown"],
    limited: true,
    handle: async (input) => {
      const { context, headers } = await accountCall(input, input.params.tenant_id);
      await setBrand(context, null);
      return { status: 204, headers };
    },
  }),
];
