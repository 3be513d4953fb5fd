import * as z from "zod";
import { DAY_MS } from "../core/clock.ts";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { formatSeconds } from "./table.ts";

const Created = z.looseObject({ id: z.string(), workspace_id: z.string(), key: z.string() });

export const registrationKeyCreateCommand: Command = {
  name: "registration-key create",
  summary: "make a key with which instances register, shown once",
  notes: ["Good for one registration unless --reusable is given."],
  options: {
    name: { type: "string", value: "text", required: true, what: "what the key is for" },
    reusable: { type: "boolean", what: "for any number of instances" },
    "valid-days": { type: "string", value: "days", what: "the key ends after so many days; never, when left out" },
    workspace: {
      type: "string",
      value: "wsp_…",
      what: "where instances go; the tenant's first workspace when left out",
    },
  },
  example: "registration-key create --name 'build machines' --reusable --valid-days 30",
  run: async ({ options, configuration, style, now }) => {
    const name = options.text("name");
    const validDays = options.count("valid-days", 3650);
    const workspace = options.text("workspace");
    if (workspace !== null && parseId("workspace", workspace) === null) {
      throw new UsageFailure("--workspace is the id of a workspace, such as wsp_01J….");
    }
    const reusable = options.flag("reusable");
    const validUntil = validDays === null ? null : Math.floor((now() + validDays * DAY_MS) / 1000);
    const created = await new Api(configuration, "direct").post(
      "/api/v1/registration-keys",
      { name, reusable, valid_until: validUntil, workspace_id: workspace },
      Created,
    );
    return {
      json: { ...created, valid_until: validUntil },
      text: [
        `The registration key “${name}” of ${created.workspace_id}, shown only this once and not kept anywhere:`,
        "",
        `  ${style.strong(created.key)}`,
        "",
        reusable ? "Any number of instances may register with it." : "One instance may register with it.",
        validUntil === null ? "It has no end." : `It ends on ${formatSeconds(validUntil)} UTC.`,
      ],
    };
  },
};
