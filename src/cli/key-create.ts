import * as z from "zod";
import { DAY_MS } from "../core/clock.ts";
import { PERMISSIONS, type Permission } from "../core/permission.ts";
import { CALLS_PER_HOUR } from "../keys/restrictions.ts";
import { Api } from "./api.ts";
import type { Call, Command, Outcome } from "./command.ts";
import { TENANTS } from "./configuration.ts";
import { UsageFailure } from "./failure.ts";
import { chosenTenant } from "./key-tenant.ts";
import { createOwnersKey } from "./owners-key.ts";
import { formatSeconds } from "./table.ts";

const Created = z.looseObject({ id: z.string(), name: z.string(), permissions: z.array(z.string()), key: z.string() });

export const keyCreateCommand: Command = {
  name: "key create",
  summary: "make an API key, shown once",
  notes: [
    "The key is for the tenant of the key that makes it (EBB_API_KEY, else one of local.json), is permitted at most what that one is, and ends no later.",
    "--operator is the way back in when every key was lost: the database's owner writes a key that may do everything and has no end. Away from this machine it needs EBB_DATABASE_URL_OWNER and EBB_ROUTING_HMAC_KEYS.",
  ],
  options: {
    name: { type: "string", value: "text", what: "what the key is for (with --operator: “operator” when left out)" },
    permission: {
      type: "string",
      value: "noun:verb",
      multiple: true,
      what: `may be repeated; all of the maker's when left out: ${PERMISSIONS.join(", ")}`,
    },
    "valid-days": { type: "string", value: "days", what: "the key ends after so many days; never, when left out" },
    network: {
      type: "string",
      value: "CIDR",
      multiple: true,
      what: "taken from these networks alone, such as 192.0.2.0/24; may be repeated",
    },
    origin: {
      type: "string",
      value: "https://…",
      multiple: true,
      what: "taken from pages of these origins alone; may be repeated",
    },
    "calls-per-hour": { type: "string", value: "calls", what: "at most so many calls in any hour" },
    tenant: {
      type: "string",
      value: TENANTS.join("|"),
      what: "for the tenant of which key in local.json (direct when left out; with --operator: operator)",
    },
    operator: { type: "boolean", what: "have the database's owner write the key" },
  },
  example: "key create --name dashboard --permission instances:read --permission pings:read --valid-days 90",
  run: (call) => (call.options.flag("operator") ? createOwnersKey(call) : createKey(call)),
};

async function createKey(call: Call): Promise<Outcome> {
  const { options, configuration, style, now } = call;
  const name = options.text("name");
  if (name === null) throw new UsageFailure("key create needs a --name: say what the key is for.");
  const permissions = permissionsOf(options.list("permission"));
  const validDays = options.count("valid-days", 3650);
  const callsPerHour = options.count("calls-per-hour", CALLS_PER_HOUR.most);
  const [networks, origins] = [options.list("network"), options.list("origin")];
  const tenant = chosenTenant(call);
  const validUntil = validDays === null ? null : Math.floor((now() + validDays * DAY_MS) / 1000);
  const created = await new Api(configuration, tenant).post(
    "/api/v1/keys",
    {
      name,
      valid_until: validUntil,
      calls_per_hour: callsPerHour,
      ...(permissions.length > 0 && { permissions }),
      ...(networks.length > 0 && { allowed_networks: networks }),
      ...(origins.length > 0 && { allowed_origins: origins }),
    },
    Created,
  );
  return {
    json: { ...created, valid_until: validUntil },
    text: [
      `The API key “${name}”, shown only this once and not kept anywhere:`,
      "",
      `  ${style.strong(created.key)}`,
      "",
      `It may: ${created.permissions.join(", ")}.`,
      validUntil === null ? "It has no end." : `It ends on ${formatSeconds(validUntil)} UTC.`,
    ],
  };
}

function permissionsOf(wanted: readonly string[]): Permission[] {
  return wanted.map((text) => {
    const permission = PERMISSIONS.find((known) => known === text);
    if (permission === undefined) throw new UsageFailure(`--permission is one of ${PERMISSIONS.join(", ")}.`);
    return permission;
  });
}
