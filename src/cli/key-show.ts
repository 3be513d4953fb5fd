import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { keyIdOf } from "./key-id.ts";
import { ApiKey, stateOf } from "./key-list.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatCount, formatSeconds } from "./table.ts";
import { printable } from "./terminal.ts";

const ShownKey = ApiKey.extend({
  person_id: z.string().nullable(),
  allowed_networks: z.array(z.string()).nullable(),
  allowed_origins: z.array(z.string()).nullable(),
  calls_per_hour: z.number().nullable(),
});

export const keyShowCommand: Command = {
  name: "key show",
  summary: "show an API key or token, without its secret",
  argument: { name: "key_id", what: "which key, as key list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "key show crd_01KAHJ7777G8H9J0K1M2N3P4Q5",
  run: async (call) => {
    const id = keyIdOf(call.argument, "key show");
    const key = await new Api(call.configuration, chosenTenant(call)).get(`/api/v1/keys/${id}`, ShownKey);
    return { json: key, text: keyText(key, call.now()) };
  },
};

function keyText(key: z.infer<typeof ShownKey>, nowMs: number): string[] {
  const { allowed_networks: networks, allowed_origins: origins, calls_per_hour: calls } = key;
  const lines: [string, string][] = [
    ["name", key.name],
    ["id", key.id],
    ["kind", key.kind === "personal-access-token" ? "personal access token" : "API key"],
    ["state", stateOf(key, nowMs)],
    ["of", key.person_id ?? "nobody in particular"],
    ["may", key.permissions.join(" ")],
    ["from networks", networks?.join(" ") ?? "all"],
    ["from origins", origins?.join(" ") ?? "all"],
    ["calls an hour", calls === null ? "as the plan allows" : formatCount(calls)],
    ["created", formatSeconds(key.created_at)],
    ["last used, by the hour", formatSeconds(key.last_used_at)],
  ];
  return lines.map(([what, value]) => `${what.padEnd(24)}${printable(value)}`);
}
