import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatCount, formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const RegistrationKey = z.looseObject({
  id: z.string(),
  workspace_id: z.string(),
  name: z.string(),
  reusable: z.boolean(),
  max_uses: z.number().nullable(),
  uses: z.number(),
  name_prefix: z.string().nullable(),
  created_at: z.number(),
  used_up_at: z.number().nullable(),
  valid_until: z.number().nullable(),
  revoked_at: z.number().nullable(),
});
type RegistrationKey = z.infer<typeof RegistrationKey>;

export const registrationKeyListCommand: Command = {
  name: "registration-key list",
  summary: "list the registration keys, without their secrets",
  notes: ["Ended keys stay in the list until they are forgotten, 30 days after their end."],
  options: { tenant: TENANT_OPTION },
  example: "registration-key list",
  run: async (call) => {
    const api = new Api(call.configuration, chosenTenant(call));
    const keys = await api.all("/api/v1/registration-keys", RegistrationKey);
    return { json: { registration_keys: keys }, text: registrationKeysText(keys, call.now(), call.style) };
  },
};

export function registrationKeysText(keys: readonly RegistrationKey[], nowMs: number, style?: Style): string[] {
  if (keys.length === 0) {
    return ["There are no registration keys: make one with npm run ebb -- registration-key create --name ...."];
  }
  const state = ({ revoked_at, used_up_at, valid_until, reusable }: RegistrationKey) => {
    if (revoked_at !== null) return `revoked ${formatSeconds(revoked_at)}`;
    if (used_up_at !== null) return `used up ${formatSeconds(used_up_at)}`;
    if (valid_until !== null && valid_until * 1000 <= nowMs) return `ended ${formatSeconds(valid_until)}`;
    const kind = reusable ? "reusable" : "for one use";
    return valid_until === null ? kind : `${kind}, until ${formatSeconds(valid_until)}`;
  };
  return formatTable(
    [
      { title: "NAME" },
      { title: "STATE" },
      { title: "USES", right: true },
      { title: "NAMES" },
      { title: "ID" },
      { title: "WORKSPACE" },
      { title: "CREATED (UTC)" },
    ],
    keys.map((key) => [
      key.name,
      state(key),
      key.max_uses === null ? formatCount(key.uses) : `${formatCount(key.uses)}/${formatCount(key.max_uses)}`,
      key.name_prefix === null ? "–" : `${key.name_prefix}-…`,
      key.id,
      key.workspace_id,
      formatSeconds(key.created_at),
    ]),
    style,
  );
}
