import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { printable } from "./terminal.ts";

const Created = z.looseObject({ id: z.string(), issuer: z.string() });

export const identityProviderCreateCommand: Command = {
  name: "identity-provider create",
  summary: "bring an OpenID provider of the tenant's own",
  notes: [
    "The client's secret is read from the standard input, so that it stands in no shell's history: put < client-secret.txt behind the command. The provider vouches for this tenant's members alone; register <service>/login/callback/<id> with it.",
  ],
  options: {
    name: { type: "string", value: "text", required: true, what: "what the sign-in button says" },
    issuer: { type: "string", value: "url", required: true, what: "its issuer" },
    "client-id": { type: "string", value: "text", required: true, what: "as the provider knows us" },
    tenant: TENANT_OPTION,
  },
  example: "identity-provider create --name Acme --issuer https://id.acme --client-id ebb",
  run: async (call) => {
    const { options, configuration } = call;
    const api = new Api(configuration, chosenTenant(call));
    const clientSecret = (await call.stdin()).trim();
    if (clientSecret === "") {
      throw new UsageFailure("identity-provider create reads the client's secret from the standard input.");
    }
    const created = await api.post(
      "/api/v1/identity-providers",
      {
        name: options.text("name"),
        issuer: options.text("issuer"),
        client_id: options.text("client-id"),
        client_secret: clientSecret,
      },
      Created,
      { conflict: "the tenant has a provider with this issuer" },
    );
    return {
      json: created,
      text: [`${printable(`${created.id} (${created.issuer})`)}: people sign in through it at /login/${created.id}.`],
    };
  },
};
