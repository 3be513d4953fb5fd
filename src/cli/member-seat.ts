import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { Member } from "./member-list.ts";

const CHOICES = ["give", "take"] as const;

export const memberSeatCommand: Command = {
  name: "member seat",
  summary: "give a member one of the subscription's seats, or take it",
  argument: { name: "member_id", what: "whose, as member list shows it" },
  options: {
    do: { type: "string", value: CHOICES.join("|"), required: true, what: "what is done with the seat" },
    tenant: TENANT_OPTION,
  },
  example: "member seat mem_01KAHJ3333N4P5Q6R7S8T9V0W1 --do give",
  run: async (call) => {
    const id = givenId(call.argument, "membership", "member seat", "member list");
    const choice = call.options.choice("do", CHOICES);
    if (choice === null) throw new UsageFailure(`--do is one of ${CHOICES.join(", ")}.`);
    const api = new Api(call.configuration, chosenTenant(call));
    const changed = await api.patch(`/api/v1/members/${id}`, { use_seat: choice === "give" }, Member);
    return { json: changed, text: [`${changed.email ?? changed.id} has ${choice === "give" ? "a" : "no"} seat now.`] };
  },
};
