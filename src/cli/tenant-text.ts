import * as z from "zod";
import { counted, formatCount, formatSeconds } from "./table.ts";
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
  offline_lease_days: z.number(),
});

/** A subscription, as far as a tenant's facts tell of it. */
export const Subscription = z.looseObject({
  status: z.string(),
  seats: z.number().nullable(),
  seats_used: z.number().nullable(),
  ends_at: z.number().nullable(),
});

const GRACE_S = 30 * 24 * 3600;

/** A tenant and its running subscription, one fact a line. */
export function tenantText(
  tenant: z.infer<typeof FullTenant>,
  subscription: z.infer<typeof Subscription> | null,
  style: Style,
): string[] {
  const { id, kind, name, status, plan, home_region, created_at, closed_at, controller } = tenant;
  const offline = tenant.offline_lease_days;
  const facts: [string, string][] = [
    ["id", id],
    ["kind", kind],
    ["status", status],
    ["plan", subscription?.ends_at == null ? plan : `${plan}, until ${formatSeconds(subscription.ends_at)} UTC`],
    ...(subscription === null ? [] : ([["seats", seatsText(subscription)]] as [string, string][])),
    ["region", home_region],
    ["offline", offline === 0 ? "not allowed" : `${counted(offline, "day")} without a network`],
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

function seatsText({ seats, seats_used }: z.infer<typeof Subscription>): string {
  return `${formatCount(seats_used ?? 0)} taken of ${seats === null ? "any number" : formatCount(seats)}`;
}

function controllerText({ name, contact, privacy_contact }: z.infer<typeof Brand>): string {
  const contacts = [contact, privacy_contact && `privacy: ${privacy_contact}`].filter(Boolean).join(", ");
  return printable(contacts === "" ? name : `${name} (${contacts})`);
}
