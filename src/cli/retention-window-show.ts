import * as z from "zod";
import type { Command } from "./command.ts";
import { tenantOption, tenantToLookAt, unseen } from "./limits-tenant.ts";
import { tenantText } from "./limits-text.ts";
import { counted, formatSeconds, formatTable } from "./table.ts";
import { PLAIN, type Style } from "./terminal.ts";

const Own = z.object({ months: z.number(), effective_at: z.number() });

const Window = z.looseObject({
  retention_class: z.string(),
  /** The schedule's, and the bounds. */
  months: z.number(),
  least_months: z.number(),
  greatest_months: z.number(),
  current: Own.nullable(),
  pending: Own.nullable(),
});
export type TenantWindow = z.infer<typeof Window>;
export const Windows = z.looseObject({ data: z.array(Window) });

export const retentionWindowShowCommand: Command = {
  name: "retention window show",
  summary: "show the windows that may vary, and what a tenant has of its own",
  notes: ["All other classes are kept as the schedule says, for everybody: retention shows them."],
  options: { tenant: tenantOption("the key's own; locally direct") },
  example: "retention window show --tenant client",
  run: async (call) => {
    const { api, id, name } = await tenantToLookAt(call);
    const [shownName, { data }] = await Promise.all([
      name(),
      api.get(`/api/v1/tenants/${id}/retention`, Windows, {
        ...unseen(id),
        forbidden: "This key may not read what is kept: that takes retention:read",
      }),
    ]);
    return {
      json: { tenant_id: id, tenant_name: shownName, windows: data },
      text: [call.style.strong(tenantText({ id, name: shownName })), "", ...windowsText(data, call.style)],
    };
  },
};

export function windowsText(windows: readonly TenantWindow[], style: Style = PLAIN): string[] {
  return formatTable(
    [{ title: "CLASS" }, { title: "SCHEDULE" }, { title: "MAY BE" }, { title: "ITS OWN" }, { title: "TO COME" }],
    windows.map(({ retention_class, months, least_months, greatest_months, current, pending }) => [
      retention_class,
      counted(months, "month"),
      `${least_months} to ${greatest_months} months`,
      ownText(current, "since"),
      ownText(pending, "from"),
    ]),
    style,
  );
}

function ownText(own: z.infer<typeof Own> | null, word: string): string {
  if (own === null) return "–";
  return `${counted(own.months, "month")} ${word} ${formatSeconds(own.effective_at).slice(0, 10)}`;
}
