import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { Workspace } from "./workspace-list.ts";

const CHOICES = ["ask", "waive"] as const;

export const workspaceSetCommand: Command = {
  name: "workspace set",
  summary: "whether claiming into a workspace takes the code of the instance",
  notes: ["Where it is waived, anybody of the tenant who reaches an unclaimed instance first can claim it."],
  argument: { name: "workspace_id", what: "which one, as workspace list shows it" },
  options: {
    "claim-code": { type: "string", value: CHOICES.join("|"), required: true, what: "whether the code is asked for" },
    tenant: TENANT_OPTION,
  },
  example: "workspace set wsp_01KAHJ0000M2N4P6Q8S0T2V4W6 --claim-code waive",
  run: async (call) => {
    const id = givenId(call.argument, "workspace", "workspace set", "workspace list");
    const choice = call.options.choice("claim-code", CHOICES);
    if (choice === null) throw new UsageFailure(`--claim-code is one of ${CHOICES.join(", ")}.`);
    const api = new Api(call.configuration, chosenTenant(call));
    const body = { claim_code_required: choice === "ask" };
    const changed = await api.patch(`/api/v1/workspaces/${id}`, body, Workspace);
    const takes = changed.claim_code_required ? "takes the code that it has printed" : "takes no code";
    return { json: changed, text: [`Claiming an instance into ${changed.id} ${takes} from now on.`] };
  },
};
