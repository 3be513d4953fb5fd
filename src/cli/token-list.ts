import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { ApiKey, keysText } from "./key-list.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

export const tokenListCommand: Command = {
  name: "token list",
  summary: "list your personal access tokens, without their secrets",
  notes: ["EBB_API_KEY is one of them then: an API key has none. key list shows those of all the tenant's people."],
  options: { tenant: TENANT_OPTION },
  example: "token list",
  run: async (call) => {
    const tokens = await new Api(call.configuration, chosenTenant(call)).all("/api/v1/tokens", ApiKey);
    const none = ["There are no personal access tokens of yours."];
    return { json: { tokens }, text: tokens.length === 0 ? none : keysText(tokens, call.now(), call.style) };
  },
};
