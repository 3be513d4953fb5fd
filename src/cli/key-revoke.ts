import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { keyIdOf } from "./key-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Revoked = z.looseObject({ id: z.string() });

export const keyRevokeCommand: Command = {
  name: "key revoke",
  summary: "revoke an API key, or a token of somebody's, at once and for good",
  notes: ["A key may revoke itself. key create --operator is the way back in when it was the last one."],
  argument: { name: "key_id", what: "which key, as key list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "key revoke crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  run: async (call) => {
    const id = keyIdOf(call.argument, "key revoke");
    const revoked = await new Api(call.configuration, chosenTenant(call)).delete(`/api/v1/keys/${id}`, Revoked);
    return { json: revoked, text: [`${revoked.id} is revoked: whoever calls with it is refused from now on.`] };
  },
};
