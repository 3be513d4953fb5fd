import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { keyIdOf } from "./key-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Revoked = z.looseObject({ id: z.string() });

export const tokenRevokeCommand: Command = {
  name: "token revoke",
  summary: "revoke a personal access token of yours at once and for good",
  notes: ["A token may revoke itself. key revoke revokes those of others, for whoever may change keys."],
  argument: { name: "token_id", what: "which token, as token list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "token revoke crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  run: async (call) => {
    const id = keyIdOf(call.argument, "token revoke", "token");
    const revoked = await new Api(call.configuration, chosenTenant(call)).delete(`/api/v1/tokens/${id}`, Revoked);
    return { json: revoked, text: [`${revoked.id} is revoked: whoever calls with it is refused from now on.`] };
  },
};
