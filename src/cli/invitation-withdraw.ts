import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Withdrawn = z.looseObject({ id: z.string() });

export const invitationWithdrawCommand: Command = {
  name: "invitation withdraw",
  summary: "have nobody accept an invitation any more",
  argument: { name: "invitation_id", what: "which, as invitation list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "invitation withdraw inv_01KAHJ5555F0G1H2J3K4M5N6P7",
  run: async (call) => {
    const id = givenId(call.argument, "invitation", "invitation withdraw", "invitation list");
    const api = new Api(call.configuration, chosenTenant(call));
    const withdrawn = await api.delete(`/api/v1/invitations/${id}`, Withdrawn);
    return { json: withdrawn, text: [`${withdrawn.id} is withdrawn.`] };
  },
};
