import type { Command } from "./command.ts";
import { tenantOption, tenantToLookAt, unseen } from "./limits-tenant.ts";
import { FullTenant, tenantText } from "./tenant-text.ts";

export const tenantShowCommand: Command = {
  name: "tenant show",
  summary: "show a tenant: its plan, its status, and who is the controller of its data",
  options: { tenant: tenantOption("the key's own") },
  example: "tenant show --tenant client",
  run: async (call) => {
    const { api, id } = await tenantToLookAt(call);
    const tenant = await api.get(`/api/v1/tenants/${id}`, FullTenant, unseen(id));
    return { json: tenant, text: tenantText(tenant, call.style) };
  },
};
