import * as z from "zod";
import { parseId } from "../core/id.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { tenantOption, tenantToLookAt, unseen } from "./limits-tenant.ts";
import { countsText, durationText, isBucketed, tenantText, usedText, windowText } from "./limits-text.ts";
import { formatCount, formatTable } from "./table.ts";
import { PLAIN, printable, type Style } from "./terminal.ts";

export const Limit = z.looseObject({
  policy: z.string(),
  route_class: z.string(),
  scope: z.string(),
  unit: z.string(),
  limit: z.number(),
  /** Null: a UTC calendar month. */
  window_s: z.number().nullable(),
  source: z.string(),
  /** Null where single callers count and none was named. */
  used: z.number().nullable(),
  remaining: z.number().nullable(),
  resets_in_s: z.number().nullable(),
});
export type Limit = z.infer<typeof Limit>;

export const Limits = z.looseObject({ data: z.array(Limit), plan: z.string(), status: z.string() });

export const limitsShowCommand: Command = {
  name: "limits show",
  summary: "show a tenant's limits and how full they are now",
  notes: [
    "A call is admitted when every policy of its class has room: those of the whole tenant, and those of the one caller.",
    "The tenant's own key does not see what a reseller allots to it; keys from above do.",
  ],
  options: {
    tenant: tenantOption("the key's own; locally direct"),
    instance: { type: "string", value: "ins_…", what: "also show how full the limits of this one instance are" },
  },
  example: "limits show --tenant client",
  run: async (call) => {
    const instance = call.options.text("instance");
    if (instance !== null && parseId("instance", instance) === null) {
      throw new UsageFailure(
        "--instance is the id of an instance, such as ins_01J…: npm run ebb -- instance list shows them.",
      );
    }
    const { api, id, name } = await tenantToLookAt(call);
    const query = instance === null ? "" : `?instance_id=${instance}`;
    const [shownName, { data, plan, status }] = await Promise.all([
      name(),
      api.get(
        `/api/v1/tenants/${id}/limits${query}`,
        Limits,
        instance === null
          ? unseen(id)
          : { "not-found": `${id} is no tenant that this key may see, or has no instance ${instance}` },
      ),
    ]);
    const tenant = { id, name: shownName, plan, status, instance };
    return {
      json: { tenant_id: id, tenant_name: shownName, plan, status, instance_id: instance, limits: data },
      text: limitsText(tenant, data, call.style),
    };
  },
};

interface Shown {
  id: string;
  name: string | null;
  plan: string;
  status: string;
  instance: string | null;
}

export function limitsText(tenant: Shown, limits: readonly Limit[], style: Style = PLAIN): string[] {
  const { plan, status, instance } = tenant;
  const active = status === "active" ? status : style.bad(printable(status));
  const head = `${style.strong(tenantText(tenant))}: plan ${printable(plan)}, ${active}`;
  if (limits.length === 0) return [head, "", "No policies hold for it."];
  const alone = limits.some(({ used, limit }) => used === null && limit > 0);
  const notes = [
    ...(alone ? [`–  counts each caller alone${instance === null ? "; --instance shows one instance's" : ""}`] : []),
    ...(limits.some(isBucketed)
      ? ["±0.1 %  above 100,000: counted in buckets; never more is admitted, the last 0.1 % may be refused early"]
      : []),
  ];
  return [
    head,
    ...(instance === null ? [] : [`Where one instance counts, it is ${printable(instance)}.`]),
    "",
    ...limitsTable(limits, style),
    ...(notes.length > 0 ? ["", ...notes.map((note) => style.faint(note))] : []),
  ];
}

/** Limits that are full stand out. */
export function limitsTable(limits: readonly Limit[], style: Style = PLAIN): string[] {
  const [titles = "", ...rows] = formatTable(
    [
      { title: "POLICY" },
      { title: "COUNTS" },
      { title: "LIMIT", right: true },
      { title: "WINDOW" },
      { title: "USED", right: true },
      { title: "RESETS IN" },
      { title: "SOURCE" },
    ],
    limits.map((row) => [
      row.policy,
      countsText(row.unit, row.scope),
      formatCount(row.limit),
      windowText(row.window_s),
      usedText(row.used, row.limit),
      row.limit === 0 ? "–" : durationText(row.resets_in_s),
      `${row.source === "allotment" ? "allotted from above" : row.source}${isBucketed(row) ? " ±0.1 %" : ""}`,
    ]),
    style,
  );
  const isFull = (row: Limit | undefined) => row?.remaining === 0 && row.limit > 0;
  return [titles, ...rows.map((line, at) => (isFull(limits[at]) ? style.bad(line) : line))];
}
