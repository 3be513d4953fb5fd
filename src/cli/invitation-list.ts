import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const Invitation = z.looseObject({
  id: z.string(),
  email: z.string(),
  role: z.string(),
  valid_until: z.number(),
  accepted_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
});
type Invitation = z.infer<typeof Invitation>;

export const invitationListCommand: Command = {
  name: "invitation list",
  summary: "list invitations, newest first",
  notes: ["Ended ones stay in the list for 30 days."],
  options: { tenant: TENANT_OPTION },
  example: "invitation list",
  run: async (call) => {
    const api = new Api(call.configuration, chosenTenant(call));
    const invitations = await api.all("/api/v1/invitations", Invitation);
    return { json: { invitations }, text: invitationsText(invitations, call.now(), call.style) };
  },
};

export function invitationsText(invitations: readonly Invitation[], nowMs: number, style?: Style): string[] {
  if (invitations.length === 0) return ["There are no invitations."];
  const state = ({ accepted_at, revoked_at, valid_until }: Invitation) => {
    if (accepted_at !== null) return `accepted ${formatSeconds(accepted_at)}`;
    if (revoked_at !== null) return `withdrawn ${formatSeconds(revoked_at)}`;
    return `${valid_until * 1000 <= nowMs ? "expired" : "until"} ${formatSeconds(valid_until)}`;
  };
  return formatTable(
    [{ title: "E-MAIL" }, { title: "ROLE" }, { title: "STATE (UTC)" }, { title: "ID" }],
    invitations.map((invitation) => [invitation.email, invitation.role, state(invitation), invitation.id]),
    style,
  );
}
