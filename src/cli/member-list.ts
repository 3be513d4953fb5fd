import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const Member = z.looseObject({
  id: z.string(),
  person_id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role: z.string(),
  since: z.number(),
});
type Member = z.infer<typeof Member>;

export const memberListCommand: Command = {
  name: "member list",
  summary: "list who belongs to the tenant, and as what",
  options: { tenant: TENANT_OPTION },
  example: "member list",
  run: async (call) => {
    const members = await new Api(call.configuration, chosenTenant(call)).all("/api/v1/members", Member);
    return { json: { members }, text: membersText(members, call.style) };
  },
};

export function membersText(members: readonly Member[], style?: Style): string[] {
  if (members.length === 0) return ["Nobody belongs to the tenant yet: npm run ebb -- invitation create invites."];
  return formatTable(
    [{ title: "NAME" }, { title: "E-MAIL" }, { title: "ROLE" }, { title: "ID" }, { title: "SINCE (UTC)" }],
    members.map(({ name, email, role, id, since }) => [name ?? "–", email ?? "–", role, id, formatSeconds(since)]),
    style,
  );
}
