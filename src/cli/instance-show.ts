import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { Instance } from "./instance-list.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds } from "./table.ts";
import { printable, type Style } from "./terminal.ts";

export const FullInstance = Instance.extend({
  client_id: z.string(),
  grant_types: z.array(z.string()),
  registration_key_id: z.string().nullable(),
  claimed_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
});

export const instanceShowCommand: Command = {
  name: "instance show",
  summary: "show an instance: where it is, how it came, and what it may ask for",
  argument: { name: "instance_id", what: "which instance, as instance list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "instance show ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC",
  run: async (call) => {
    const id = givenId(call.argument, "instance", "instance show", "instance list");
    const api = new Api(call.configuration, chosenTenant(call));
    const instance = await api.get(`/api/v1/instances/${id}`, FullInstance);
    return { json: instance, text: instanceText(instance, call.style) };
  },
};

/** An instance, one fact a line. */
function instanceText(instance: z.infer<typeof FullInstance>, style: Style): string[] {
  const came =
    instance.registration_key_id === null
      ? "without a key"
      : `with the registration key ${instance.registration_key_id}`;
  const facts: [string, string][] = [
    ["id", instance.id],
    ["workspace", instance.workspace_id],
    ["client", instance.client_id],
    ["scope", instance.scope === "" ? "–" : instance.scope],
    ["grants", instance.grant_types.join(", ")],
    ["registered", `${formatSeconds(instance.registered_at)} UTC, ${came}`],
    ...(instance.claimed_at === null
      ? []
      : [["claimed", `${formatSeconds(instance.claimed_at)} UTC`] as [string, string]]),
    ...(instance.revoked_at === null
      ? []
      : [["revoked", `${formatSeconds(instance.revoked_at)} UTC`] as [string, string]]),
  ];
  return [
    style.strong(printable(instance.name ?? "(no name)")),
    ...facts.map(([fact, value]) => `  ${fact.padEnd(12)}${printable(value)}`),
  ];
}
