import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { printable } from "./terminal.ts";
import { Workspace } from "./workspace-list.ts";

export const workspaceRenameCommand: Command = {
  name: "workspace rename",
  summary: "rename a workspace",
  argument: { name: "workspace_id", what: "which one, as workspace list shows it" },
  options: {
    name: { type: "string", value: "text", required: true, what: "what it is called from now on" },
    tenant: TENANT_OPTION,
  },
  example: 'workspace rename wsp_01KAHJ0000M2N4P6Q8S0T2V4W6 --name "Build machines"',
  run: async (call) => {
    const id = givenId(call.argument, "workspace", "workspace rename", "workspace list");
    const api = new Api(call.configuration, chosenTenant(call));
    const renamed = await api.patch(`/api/v1/workspaces/${id}`, { name: call.options.text("name") }, Workspace);
    return { json: renamed, text: [`${renamed.id} is called ${printable(renamed.name)} now.`] };
  },
};
