import * as z from "zod";
import { formatSeconds } from "./table.ts";
import { printable, type Style } from "./terminal.ts";

const Brand = z.looseObject({
  name: z.string(),
  logo_url: z.string().nullable(),
  contact: z.string().nullable(),
  privacy_contact: z.string().nullable(),
});

export const Tenant = z.looseObject({
  id: z.string(),
  kind: z.string(),
  name: z.string(),
  status: z.string(),
  created_at: z.number(),
  closed_at: z.number().nullable(),
});

export const FullTenant = Tenant.extend({
  home_region: z.string(),
  plan: z.string(),
  controller: Brand.nullable(),
});

const GRACE_S = 30 * 24 * 3600;

/** A tenant, one fact a line. */
export function tenantText(tenant: z.infer<typeof FullTenant>, style: Style): string[] {
  const { id, kind, name, status, plan, home_region, created_at, closed_at, controller } = tenant;
  const facts: [string, string][] = [
    ["id", id],
    ["kind", kind],
    ["status", status],
    ["plan", plan],
    ["region", home_region],
    ["created", `${formatSeconds(created_at)} UTC`],
    ...(closed_at === null
      ? []
      : ([["closed", `${formatSeconds(closed_at)} UTC; deleted from ${formatSeconds(closed_at + GRACE_S)} on`]] as [
          string,
          string,
        ][])),
    ...(controller === null ? [] : ([["controller", controllerText(controller)]] as [string, string][])),
  ];
  return [style.strong(printable(name)), ...facts.map(([fact, value]) => `  ${fact.padEnd(12)}${value}`)];
}

function controllerText({ name, contact, privacy_contact }: z.infer<typeof Brand>): string {
  const contacts = [contact, privacy_contact && `privacy: ${privacy_contact}`].filter(Boolean).join(", ");
  return printable(contacts === "" ? name : `${name} (${contacts})`);
}
