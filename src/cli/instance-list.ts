import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const Instance = z.looseObject({
  id: z.string(),
  workspace_id: z.string(),
  name: z.string().nullable(),
  scope: z.string(),
  registered_at: z.number(),
});
type Instance = z.infer<typeof Instance>;

export const instanceListCommand: Command = {
  name: "instance list",
  summary: "list the instances, oldest first",
  example: "instance list",
  run: async ({ configuration, style }) => {
    const instances = await new Api(configuration, "direct").all("/api/v1/instances", Instance);
    return { json: { instances }, text: instancesText(instances, style) };
  },
};

export function instancesText(instances: readonly Instance[], style?: Style): string[] {
  if (instances.length === 0) return ["No instance has registered yet."];
  return formatTable(
    [
      { title: "INSTANCE" },
      { title: "NAME" },
      { title: "WORKSPACE" },
      { title: "SCOPE" },
      { title: "REGISTERED (UTC)" },
    ],
    instances.map(({ id, name, workspace_id, scope, registered_at }) => [
      id,
      name ?? "–",
      workspace_id,
      scope,
      formatSeconds(registered_at),
    ]),
    style,
  );
}
