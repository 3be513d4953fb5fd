import * as z from "zod";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Call, Command, Option } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { givenId } from "./given-id.ts";
import { Instance } from "./instance-list.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { printable } from "./terminal.ts";

const Ended = z.looseObject({ id: z.string(), effective: z.boolean() });
const LATER = "Its gate has not acknowledged it yet: that is tried again.";

interface Change {
  name: string;
  summary: string;
  notes?: readonly string[];
  options?: Readonly<Record<string, Option>>;
  example: string;
  change: (call: Call, api: Api, id: string) => Promise<{ json: unknown; text: readonly string[] }>;
}

/** A change of one instance, named by its id. */
function changing({ change, options = {}, example, ...command }: Change): Command {
  return {
    ...command,
    argument: { name: "instance_id", what: "which instance, as instance list shows it" },
    options: { ...options, tenant: TENANT_OPTION },
    example: `${command.name} ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC${example}`,
    run: async (call) => {
      const id = givenId(call.argument, "instance", command.name, "instance list");
      return await change(call, new Api(call.configuration, chosenTenant(call)), id);
    },
  };
}

function ended(answer: z.infer<typeof Ended>, what: string) {
  return { json: answer, text: [what, ...(answer.effective ? [] : [LATER])] };
}

/** `instance rename`, `move`, `revoke` and `remove`. */
export const INSTANCE_CHANGE_COMMANDS: readonly Command[] = [
  changing({
    name: "instance rename",
    summary: "rename an instance",
    options: { name: { type: "string", value: "text", required: true, what: "what it is called from now on" } },
    example: " --name 'build machine 7'",
    change: async ({ options }, api, id) => {
      const renamed = await api.patch(`/api/v1/instances/${id}`, { name: options.text("name") }, Instance);
      return { json: renamed, text: [`${id} is called ${printable(renamed.name ?? "")} now.`] };
    },
  }),
  changing({
    name: "instance move",
    summary: "move an instance to another workspace of its tenant",
    notes: ["The tokens of the people signed in on it are refused until they are refreshed; nobody signs in again."],
    options: { to: { type: "string", value: "wsp_…", required: true, what: "the workspace" } },
    example: " --to wsp_01KAHJ0000M2N4P6Q8S0T2V4W6",
    change: async ({ options }, api, id) => {
      const workspace = options.text("to");
      if (workspace === null || parseId("workspace", workspace) === null) {
        throw new UsageFailure("--to is the id of a workspace, such as wsp_01J….");
      }
      const moved = await api.patch(`/api/v1/instances/${id}`, { workspace_id: workspace }, Instance, {
        "not-found": "There is no such instance or no such workspace that this key may see",
      });
      return { json: moved, text: [`${id} is in ${moved.workspace_id} now.`] };
    },
  }),
  changing({
    name: "instance revoke",
    summary: "revoke an instance: its secret, its tokens and the sign-ins on it",
    notes: ["For good: its program must register anew. It stays in the list; instance remove takes it out."],
    example: "",
    change: async (_call, api, id) =>
      ended(
        await api.post(`/api/v1/instances/${id}/revoke`, undefined, Ended),
        `${id} is revoked: it and the people signed in on it are refused from now on.`,
      ),
  }),
  changing({
    name: "instance remove",
    summary: "remove an instance, with its secret, its tokens and the sign-ins on it",
    notes: ["It is forgotten 90 days later."],
    example: "",
    change: async (_call, api, id) =>
      ended(
        await api.delete(`/api/v1/instances/${id}`, Ended),
        `${id} is removed: it and the people signed in on it are refused from now on.`,
      ),
  }),
];
