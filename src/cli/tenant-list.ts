import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

const Tenant = z.looseObject({
  id: z.string(),
  parent_id: z.string().nullable(),
  kind: z.string(),
  name: z.string(),
  status: z.string(),
  created_at: z.number(),
});
type Tenant = z.infer<typeof Tenant>;

export const tenantListCommand: Command = {
  name: "tenant list",
  summary: "list the tenants, as the tree that they form",
  notes: ["Shows what the operator's key may see: its own tenant and everything below it."],
  example: "tenant list",
  run: async ({ configuration, style }) => {
    const tenants = await new Api(configuration, "operator").all("/api/v1/tenants", Tenant);
    return { json: { tenants }, text: tenantsText(tenants, style) };
  },
};

/** A tenant whose parent is not in the list stands at the left. */
export function tenantsText(tenants: readonly Tenant[], style?: Style): string[] {
  const known = new Set(tenants.map((tenant) => tenant.id));
  const children = Map.groupBy(tenants, ({ parent_id }) =>
    parent_id !== null && known.has(parent_id) ? parent_id : null,
  );
  const rows: string[][] = [];
  const add = (parent: string | null, indent: string) => {
    const siblings = children.get(parent) ?? [];
    for (const [at, { id, name, kind, status, created_at }] of siblings.entries()) {
      const last = at === siblings.length - 1;
      const branch = parent === null ? "" : last ? "└─ " : "├─ ";
      rows.push([indent + branch + name, kind, status, id, formatSeconds(created_at)]);
      add(id, parent === null ? "" : indent + (last ? "   " : "│  "));
    }
  };
  add(null, "");
  return formatTable(
    [{ title: "TENANT" }, { title: "KIND" }, { title: "STATUS" }, { title: "ID" }, { title: "CREATED (UTC)" }],
    rows,
    style,
  );
}
