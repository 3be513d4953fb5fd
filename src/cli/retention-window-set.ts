import * as z from "zod";
import { type VariableClass, variableClasses } from "../retention/variable-class.ts";
import type { Command, Options } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { tenantOption, tenantToChange, unseen } from "./limits-tenant.ts";
import { tenantText } from "./limits-text.ts";
import { counted, formatSeconds } from "./table.ts";

const SetTo = z.looseObject({
  tenant_id: z.string(),
  retention_class: z.string(),
  months: z.number(),
  effective_at: z.number(),
});

export const retentionWindowSetCommand: Command = {
  name: "retention window set",
  summary: "set a tenant's own window for a class of data, as its contract says",
  notes: [
    "A shorter window holds at once, also for what is stored already. A longer one holds in 30 days, so that people can be told first, and for what is stored from then on.",
    "Setting the schedule's own takes an agreement back. For tenants of the enterprise plan, and keys of the platform owner with the permission retention:write.",
  ],
  argument: { name: "class", what: "which class, as retention window show names it" },
  options: {
    months: { type: "string", value: "N", required: true, what: "the window in months" },
    tenant: tenantOption("locally direct"),
  },
  example: "retention window set tool-execution-logs --months 6 --tenant direct",
  run: async (call) => {
    const { name, least, greatest } = variable(call.argument);
    const months = monthsOf(call.options, least, greatest);
    const target = tenantToChange(call, "direct", "retention window set");
    const set = await target.api.put(`/api/v1/tenants/${target.id}/retention/${name}`, { months }, SetTo, {
      ...unseen(target.id),
      forbidden: "This key may not set a window: that takes retention:write, and a key of the platform owner",
      "plan-not-sufficient": `${target.id} is not on the enterprise plan: its windows are the schedule's`,
      "window-not-variable": `${name} is kept equally long for everybody`,
    });
    const tenant = tenantText({ id: set.tenant_id, name: await target.name() });
    const pending = set.effective_at * 1000 > call.now() + 60_000;
    const when = pending ? `from ${formatSeconds(set.effective_at)} UTC on, for what is stored then` : "from now on";
    return {
      json: set,
      text: [`The window of ${tenant} for ${name} is ${counted(set.months, "month")} ${when}.`],
    };
  },
};

function variable(name: string | null): VariableClass {
  const classes = variableClasses();
  const found = classes.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = classes.map((candidate) => candidate.name).join(", ");
  throw new UsageFailure(
    name === null
      ? `retention window set takes a class that may vary: ${names}.`
      : `Of no other class than ${names} may the window vary.`,
  );
}

function monthsOf(options: Options, least: number, greatest: number): number {
  const months = options.count("months", greatest) ?? 0;
  if (months >= least) return months;
  throw new UsageFailure(`--months is a whole number from ${least} to ${greatest}.`);
}
