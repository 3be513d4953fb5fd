import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { printable } from "./terminal.ts";
import { Workspace } from "./workspace-list.ts";

export const workspaceCreateCommand: Command = {
  name: "workspace create",
  summary: "make a workspace",
  options: {
    name: { type: "string", value: "text", required: true, what: "what it is called" },
    "waive-claim-code": { type: "boolean", what: "claiming into it takes no code that the instance printed" },
    tenant: TENANT_OPTION,
  },
  example: 'workspace create --name "Build machines"',
  run: async (call) => {
    const { options, configuration } = call;
    const body = { name: options.text("name"), claim_code_required: !options.flag("waive-claim-code") };
    const made = await new Api(configuration, chosenTenant(call)).post("/api/v1/workspaces", body, Workspace);
    return { json: made, text: [`The workspace “${printable(made.name)}” is there: ${made.id}.`] };
  },
};
