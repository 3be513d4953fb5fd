import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

const Entry = z.looseObject({
  id: z.string(),
  action: z.string(),
  subject: z.string(),
  actor_kind: z.string(),
  actor_id: z.string(),
  detail: z.record(z.string(), z.unknown()),
  recorded_at: z.number(),
});
type Entry = z.infer<typeof Entry>;
const Page = z.object({ data: z.array(Entry), next_cursor: z.string().nullable() });

/** The most that one page holds. */
const MOST = 200;

export const auditCommand: Command = {
  name: "audit",
  summary: "show what was changed in the tenant and who opened it, newest first",
  notes: ["tenant.opened is an operator of the platform who opened the tenant's data, with the reason."],
  options: {
    action: { type: "string", value: "noun.verb", what: "one action alone, such as member.removed" },
    last: { type: "string", value: "count", what: `how many entries, at most ${MOST} (20 when left out)` },
    tenant: TENANT_OPTION,
  },
  example: "audit --action tenant.opened",
  run: async (call) => {
    const action = call.options.text("action");
    const query = new URLSearchParams({ limit: String(call.options.count("last", MOST) ?? 20) });
    if (action !== null) query.set("action", action);
    const { data } = await new Api(call.configuration, chosenTenant(call)).get(`/api/v1/audit?${query}`, Page);
    return { json: { entries: data }, text: auditText(data, call.style) };
  },
};

export function auditText(entries: readonly Entry[], style?: Style): string[] {
  if (entries.length === 0) return ["Nothing of the kind was done here."];
  const facts = (detail: Entry["detail"]) =>
    Object.entries(detail)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ");
  return formatTable(
    [{ title: "WHEN (UTC)" }, { title: "ACTION" }, { title: "OF WHAT" }, { title: "BY" }, { title: "DETAIL" }],
    entries.map(({ recorded_at, action, subject, actor_id, detail }) => [
      formatSeconds(recorded_at),
      action,
      subject,
      actor_id,
      facts(detail),
    ]),
    style,
  );
}
