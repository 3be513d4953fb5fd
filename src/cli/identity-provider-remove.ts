import * as z from "zod";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Removed = z.looseObject({ id: z.string() });

export const identityProviderRemoveCommand: Command = {
  name: "identity-provider remove",
  summary: "remove an OpenID provider of the tenant's own",
  notes: ["Whoever signed in through it is signed out at once."],
  argument: { name: "provider_id", what: "which one, as identity-provider list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "identity-provider remove idp_01KAHJ7777G8H9J0K1M2N3P4Q5",
  run: async (call) => {
    const { argument, configuration } = call;
    if (argument === null || parseId("identityProvider", argument) === null) {
      throw new UsageFailure("identity-provider remove takes the id of a provider, such as idp_01J….");
    }
    const removed = await new Api(configuration, chosenTenant(call)).delete(
      `/api/v1/identity-providers/${argument}`,
      Removed,
    );
    return { json: removed, text: [`${removed.id} is removed: nobody signs in through it any more.`] };
  },
};
