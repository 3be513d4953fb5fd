import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds } from "./table.ts";

const Resent = z.looseObject({ id: z.string(), valid_until: z.number() });

export const invitationResendCommand: Command = {
  name: "invitation resend",
  summary: "send the mail of an open invitation again",
  notes: ["It then holds for 7 days from now. At most five mails a day go to one address."],
  argument: { name: "invitation_id", what: "which, as invitation list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "invitation resend inv_01KAHJ5555F0G1H2J3K4M5N6P7",
  run: async (call) => {
    const id = givenId(call.argument, "invitation", "invitation resend", "invitation list");
    const api = new Api(call.configuration, chosenTenant(call));
    const resent = await api.post(`/api/v1/invitations/${id}/resend`, undefined, Resent);
    return {
      json: resent,
      text: [`${resent.id} is sent again and holds until ${formatSeconds(resent.valid_until)} UTC.`],
    };
  },
};
