import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Removed = z.looseObject({ id: z.string() });

export const workspaceRemoveCommand: Command = {
  name: "workspace remove",
  summary: "remove a workspace in which no instance is",
  notes: ["Registration keys that lead into it are revoked. The tenant's last workspace stays."],
  argument: { name: "workspace_id", what: "which one, as workspace list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "workspace remove wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
  run: async (call) => {
    const id = givenId(call.argument, "workspace", "workspace remove", "workspace list");
    const api = new Api(call.configuration, chosenTenant(call));
    const removed = await api.delete(`/api/v1/workspaces/${id}`, Removed);
    return { json: removed, text: [`${removed.id} is removed, and no registration key leads into it any more.`] };
  },
};
