import * as z from "zod";
import type { IdKind } from "../core/id.ts";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Command, Options } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const Instance = z.looseObject({
  id: z.string(),
  workspace_id: z.string(),
  name: z.string().nullable(),
  scope: z.string(),
  registered_at: z.number(),
  revoked_at: z.number().nullable().optional(),
});
type Instance = z.infer<typeof Instance>;

const FILTERS = {
  workspace: ["workspace", "workspace_id"],
  "registration-key": ["registrationKey", "registration_key_id"],
} as const;

export const instanceListCommand: Command = {
  name: "instance list",
  summary: "list the instances, oldest first",
  options: {
    workspace: { type: "string", value: "wsp_…", what: "only those of this workspace" },
    "registration-key": { type: "string", value: "rgk_…", what: "only those that registered with this key" },
    tenant: TENANT_OPTION,
  },
  example: "instance list",
  run: async (call) => {
    const query = filterOf(call.options);
    const path = `/api/v1/instances${query === "" ? "" : `?${query}`}`;
    const instances = await new Api(call.configuration, chosenTenant(call)).all(path, Instance);
    return { json: { instances }, text: instancesText(instances, call.style) };
  },
};

function filterOf(options: Options): string {
  const query = new URLSearchParams();
  for (const [option, [kind, parameter]] of Object.entries(FILTERS)) {
    const id = optionalId(options, option, kind);
    if (id !== null) query.set(parameter, id);
  }
  return query.toString();
}

/** The id that an option names, or null. Throws a UsageFailure for something else. */
function optionalId(options: Options, option: string, kind: IdKind): string | null {
  const id = options.text(option);
  if (id === null || parseId(kind, id) !== null) return id;
  throw new UsageFailure(`--${option} is the id of a ${option.replace("-", " ")}.`);
}

export function instancesText(instances: readonly Instance[], style?: Style): string[] {
  if (instances.length === 0) return ["No instance has registered yet."];
  return formatTable(
    [
      { title: "INSTANCE" },
      { title: "NAME" },
      { title: "WORKSPACE" },
      { title: "SCOPE" },
      { title: "REGISTERED (UTC)" },
      { title: "REVOKED (UTC)" },
    ],
    instances.map(({ id, name, workspace_id, scope, registered_at, revoked_at = null }) => [
      id,
      name ?? "–",
      workspace_id,
      scope,
      formatSeconds(registered_at),
      formatSeconds(revoked_at),
    ]),
    style,
  );
}
