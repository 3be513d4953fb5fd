import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";

const Provider = z.looseObject({
  id: z.string(),
  name: z.string(),
  issuer: z.string(),
  client_id: z.string(),
  created_at: z.number(),
});

export const identityProviderListCommand: Command = {
  name: "identity-provider list",
  summary: "list the tenant's own OpenID providers, without their secrets",
  options: { tenant: TENANT_OPTION },
  example: "identity-provider list",
  run: async (call) => {
    const providers = await new Api(call.configuration, chosenTenant(call)).all("/api/v1/identity-providers", Provider);
    if (providers.length === 0) return { json: { providers }, text: ["The tenant has no provider of its own."] };
    return {
      json: { providers },
      text: formatTable(
        [{ title: "ID" }, { title: "NAME" }, { title: "ISSUER" }, { title: "CLIENT ID" }, { title: "SINCE (UTC)" }],
        providers.map((provider) => [
          provider.id,
          provider.name,
          provider.issuer,
          provider.client_id,
          formatSeconds(provider.created_at),
        ]),
        call.style,
      ),
    };
  },
};
