import * as z from "zod";
import { LONGEST_LEASE_DAYS } from "../tenants/offline-lease.ts";
import type { Command, Options } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { NEEDED_TENANT, tenantToChange, unseen } from "./limits-tenant.ts";
import { counted } from "./table.ts";

const LeaseSet = z.looseObject({ id: z.string(), offline_lease_days: z.number() });

export const tenantOfflineLeaseCommand: Command = {
  name: "tenant offline-lease",
  summary: "set for how many days a tenant's instances may go on without a network",
  notes: ["With 0 they may not. Leases that were given before stay good until their own end."],
  options: {
    tenant: NEEDED_TENANT,
    days: { type: "string", value: "days", required: true, what: `from 0 to ${LONGEST_LEASE_DAYS}` },
  },
  example: "tenant offline-lease --tenant client --days 14",
  run: async (call) => {
    const days = daysOf(call.options);
    const { api, id } = tenantToChange(call, "client", "tenant offline-lease");
    const set = await api.put(`/api/v1/tenants/${id}/offline-lease`, { days }, LeaseSet, {
      ...unseen(id),
      conflict: "The account is closed",
    });
    const text =
      days === 0
        ? `Instances of ${id} get no offline leases any more.`
        : `Offline leases of ${id} last ${counted(days, "day")} from now on.`;
    return { json: set, text: [text] };
  },
};

function daysOf(options: Options): number {
  const text = options.text("days") ?? "";
  const days = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (days <= LONGEST_LEASE_DAYS) return days;
  throw new UsageFailure(`--days is a whole number from 0 to ${LONGEST_LEASE_DAYS}.`);
}
