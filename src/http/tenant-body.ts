import * as z from "zod";
import type { Controller, Tenant, TenantInFull } from "../tenants/show.ts";
import { seconds, secondsOrNull } from "./account-call.ts";

/** A tenant on the wire, as every route under /api/v1/tenants shows it. */
export const tenantSchema = z.object({
  object: z.literal("tenant"),
  id: z.string(),
  parent_id: z.string().nullable(),
  kind: z.string(),
  name: z.string(),
  status: z.string(),
  created_at: z.int(),
  closed_at: z.int().nullable(),
});

export const brandSchema = z.object({
  name: z.string(),
  logo_url: z.string().nullable(),
  contact: z.string().nullable(),
  privacy_contact: z.string().nullable(),
});

export const fullTenantSchema = tenantSchema.extend({
  home_region: z.string(),
  plan: z.string(),
  /** The reseller that is the controller of a client's data. */
  controller: brandSchema.nullable(),
  /** For how many days instances may go on without us. */
  offline_lease_days: z.int(),
});

export const effectiveSchema = z.object({ object: z.literal("tenant"), id: z.string(), effective: z.boolean() });

export const TENANT_EXAMPLE = {
  object: "tenant",
  id: "tnt_01KAHJ0000A1B2C3D4E5F6G7H8",
  parent_id: null,
  kind: "direct",
  name: "Acme",
  status: "active",
  created_at: 1795219200,
  closed_at: null,
};

export function showsTenant({ id, parentId, kind, name, status, createdAt, closedAt }: Tenant) {
  return {
    object: "tenant",
    id,
    parent_id: parentId,
    kind,
    name,
    status,
    created_at: seconds(createdAt),
    closed_at: secondsOrNull(closedAt),
  };
}

export function showsBrand({ name, logoUrl, contact, privacyContact }: Controller) {
  return { name, logo_url: logoUrl, contact, privacy_contact: privacyContact };
}

export function showsFullTenant(tenant: TenantInFull) {
  const { homeRegion, plan, controller, offlineLeaseDays } = tenant;
  return {
    ...showsTenant(tenant),
    home_region: homeRegion,
    plan,
    controller: controller === null ? null : showsBrand(controller),
    offline_lease_days: offlineLeaseDays,
  };
}
