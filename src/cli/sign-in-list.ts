import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

const SignIn = z.looseObject({
  id: z.string(),
  person_id: z.string(),
  scope: z.string(),
  started_at: z.number(),
  renewed_at: z.number(),
});
type SignIn = z.infer<typeof SignIn>;

export const signInListCommand: Command = {
  name: "sign-in list",
  summary: "list who is signed in on an instance",
  argument: { name: "instance_id", what: "which instance, as instance list shows it" },
  options: { tenant: TENANT_OPTION },
  example: "sign-in list ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC",
  run: async (call) => {
    const id = givenId(call.argument, "instance", "sign-in list", "instance list");
    const api = new Api(call.configuration, chosenTenant(call));
    const signIns = await api.all(`/api/v1/instances/${id}/sign-ins`, SignIn);
    return { json: { sign_ins: signIns }, text: signInsText(signIns, call.style) };
  },
};

export function signInsText(signIns: readonly SignIn[], style?: Style): string[] {
  if (signIns.length === 0) return ["Nobody is signed in on this instance."];
  return formatTable(
    [
      { title: "SIGN-IN" },
      { title: "PERSON" },
      { title: "SCOPE" },
      { title: "SIGNED IN (UTC)" },
      { title: "LAST RENEWED (UTC)" },
    ],
    signIns.map(({ id, person_id, scope, started_at, renewed_at }) => [
      id,
      person_id,
      scope,
      formatSeconds(started_at),
      formatSeconds(renewed_at),
    ]),
    style,
  );
}
