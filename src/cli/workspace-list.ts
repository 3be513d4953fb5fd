import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatCount, formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const Workspace = z.looseObject({
  id: z.string(),
  name: z.string(),
  claim_code_required: z.boolean(),
  generation: z.number(),
  instances: z.number(),
  created_at: z.number(),
});
type Workspace = z.infer<typeof Workspace>;

export const workspaceListCommand: Command = {
  name: "workspace list",
  summary: "list the tenant's workspaces",
  notes: ["What names no workspace goes into the first of them."],
  options: { tenant: TENANT_OPTION },
  example: "workspace list",
  run: async (call) => {
    const workspaces = await new Api(call.configuration, chosenTenant(call)).all("/api/v1/workspaces", Workspace);
    return { json: { workspaces }, text: workspacesText(workspaces, call.style) };
  },
};

export function workspacesText(workspaces: readonly Workspace[], style?: Style): string[] {
  return formatTable(
    [
      { title: "NAME" },
      { title: "INSTANCES", right: true },
      { title: "CLAIM CODE" },
      { title: "ID" },
      { title: "CREATED (UTC)" },
    ],
    workspaces.map(({ name, instances, claim_code_required, id, created_at }) => [
      name,
      formatCount(instances),
      claim_code_required ? "asked for" : "waived",
      id,
      formatSeconds(created_at),
    ]),
    style,
  );
}
