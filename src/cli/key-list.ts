import * as z from "zod";
import { PERMISSIONS } from "../core/permission.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const ApiKey = z.looseObject({
  id: z.string(),
  kind: z.string().optional(),
  name: z.string(),
  permissions: z.array(z.string()),
  created_at: z.number(),
  last_used_at: z.number().nullable(),
  valid_until: z.number().nullable(),
  revoked_at: z.number().nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** Registering is for registration keys: no owner's key has that permission. */
const EVERYTHING = PERMISSIONS.filter((permission) => permission !== "instances:register");

export const keyListCommand: Command = {
  name: "key list",
  summary: "list the API keys and personal access tokens, without their secrets",
  notes: ["Ended keys stay in the list until they are forgotten, 90 days after their end."],
  options: { tenant: TENANT_OPTION },
  example: "key list",
  run: async (call) => {
    const keys = await new Api(call.configuration, chosenTenant(call)).all("/api/v1/keys", ApiKey);
    return { json: { keys }, text: keysText(keys, call.now(), call.style) };
  },
};

export function keysText(keys: readonly ApiKey[], nowMs: number, style?: Style): string[] {
  if (keys.length === 0) return ["There are no API keys: make one with npm run ebb -- key create --name ...."];
  const may = ({ permissions }: ApiKey) =>
    EVERYTHING.every((permission) => permissions.includes(permission)) ? "everything" : permissions.join(" ");
  return formatTable(
    [
      { title: "NAME" },
      { title: "STATE" },
      { title: "ID" },
      { title: "CREATED (UTC)" },
      { title: "USED (HOUR)" },
      { title: "MAY" },
    ],
    keys.map((key) => [
      key.kind === "personal-access-token" ? `${key.name} (token)` : key.name,
      stateOf(key, nowMs),
      key.id,
      formatSeconds(key.created_at),
      formatSeconds(key.last_used_at),
      may(key),
    ]),
    style,
  );
}

/** Until when it is valid, or how it ended. */
export function stateOf(
  { revoked_at, valid_until }: Pick<ApiKey, "revoked_at" | "valid_until">,
  nowMs: number,
): string {
  if (revoked_at !== null) return `revoked ${formatSeconds(revoked_at)}`;
  if (valid_until === null) return "no end";
  return `${valid_until * 1000 <= nowMs ? "ended" : "until"} ${formatSeconds(valid_until)}`;
}
