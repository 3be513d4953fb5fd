import { MEMBER_ROLES } from "../people/member.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { Member } from "./member-list.ts";

export const memberRoleCommand: Command = {
  name: "member role",
  summary: "give a member another role",
  notes: [
    "Owners alone make and demote owners, and a tenant always keeps one. Keys and tokens of that person shrink and grow with the role.",
  ],
  argument: { name: "member_id", what: "whose, as member list shows it" },
  options: {
    role: { type: "string", value: MEMBER_ROLES.join("|"), required: true, what: "what the member becomes" },
    tenant: TENANT_OPTION,
  },
  example: "member role mem_01KAHJ3333N4P5Q6R7S8T9V0W1 --role admin",
  run: async (call) => {
    const id = givenId(call.argument, "membership", "member role", "member list");
    const role = call.options.choice("role", MEMBER_ROLES);
    if (role === null) throw new UsageFailure(`--role is one of ${MEMBER_ROLES.join(", ")}.`);
    const api = new Api(call.configuration, chosenTenant(call));
    const changed = await api.patch(`/api/v1/members/${id}`, { role }, Member);
    return { json: changed, text: [`${changed.email ?? changed.id} is ${changed.role} now.`] };
  },
};
