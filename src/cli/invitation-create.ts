import { MEMBER_ROLES } from "../people/member.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { Invitation } from "./invitation-list.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds } from "./table.ts";

export const invitationCreateCommand: Command = {
  name: "invitation create",
  summary: "invite somebody by e-mail",
  notes: [
    "Valid for 7 days; an open invitation of the same address is withdrawn. Nobody gives a role above their own. The link goes by mail alone.",
  ],
  options: {
    email: { type: "string", value: "address", required: true, what: "whom" },
    role: { type: "string", value: MEMBER_ROLES.join("|"), what: "as what; member when left out" },
    "no-seat": { type: "boolean", what: "holds none of the subscription's seats" },
    tenant: TENANT_OPTION,
  },
  example: "invitation create --email grace@acme.example --role admin",
  run: async (call) => {
    const role = call.options.choice("role", MEMBER_ROLES) ?? "member";
    const api = new Api(call.configuration, chosenTenant(call));
    const seat = call.options.flag("no-seat") ? { use_seat: false } : {};
    const body = { email: call.options.text("email"), role, ...seat };
    const invited = await api.post("/api/v1/invitations", body, Invitation);
    const until = formatSeconds(invited.valid_until);
    return {
      json: invited,
      text: [`${invited.email} is invited as ${invited.role} until ${until} UTC (${invited.id}).`],
    };
  },
};
