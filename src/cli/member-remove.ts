import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Removed = z.looseObject({ id: z.string() });

export const memberRemoveCommand: Command = {
  name: "member remove",
  summary: "remove somebody from the tenant",
  notes: [
    "The person enters the tenant no more; personal access tokens there are revoked, and API keys of theirs may do nothing.",
  ],
  argument: { name: "member_id", what: "whom, as member list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "member remove mem_01KAHJ3333N4P5Q6R7S8T9V0W1",
  run: async (call) => {
    const id = givenId(call.argument, "membership", "member remove", "member list");
    const removed = await new Api(call.configuration, chosenTenant(call)).delete(`/api/v1/members/${id}`, Removed);
    return { json: removed, text: [`${removed.id} is removed.`] };
  },
};
