import * as z from "zod";
import type { Command } from "./command.ts";
import { tenantOption, tenantToLookAt, unseen } from "./limits-tenant.ts";
import { FullTenant, Subscription, tenantText } from "./tenant-text.ts";

const Subscriptions = z.object({ data: z.array(Subscription) });

export const tenantShowCommand: Command = {
  name: "tenant show",
  summary: "show a tenant: its plan, seats, status, and the controller of its data",
  options: { tenant: tenantOption("the key's own") },
  example: "tenant show --tenant client",
  run: async (call) => {
    const { api, id } = await tenantToLookAt(call);
    const tenant = await api.get(`/api/v1/tenants/${id}`, FullTenant, unseen(id));
    const { data } = await api.get(`/api/v1/tenants/${id}/subscription`, Subscriptions, unseen(id));
    const running = data.findLast(({ status }) => status === "active") ?? null;
    return { json: { ...tenant, subscription: running }, text: tenantText(tenant, running, call.style) };
  },
};
