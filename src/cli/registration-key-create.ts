import * as z from "zod";
import { DAY_MS } from "../core/clock.ts";
import { parseId } from "../core/id.ts";
import { MOST_USES } from "../registration-keys/create.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatCount, formatSeconds } from "./table.ts";

const Created = z.looseObject({ id: z.string(), workspace_id: z.string(), key: z.string() });

export const registrationKeyCreateCommand: Command = {
  name: "registration-key create",
  summary: "make a key with which instances register, shown once",
  notes: ["Good for one registration unless --reusable or --max-uses is given."],
  options: {
    name: { type: "string", value: "text", required: true, what: "what the key is for" },
    reusable: { type: "boolean", what: "for any number of instances" },
    "max-uses": { type: "string", value: "N", what: "for so many instances" },
    "name-prefix": { type: "string", value: "text", what: "its instances are named text-x7k2p9, each differently" },
    "valid-days": { type: "string", value: "days", what: "the key ends after so many days; never, when left out" },
    workspace: {
      type: "string",
      value: "wsp_…",
      what: "where instances go; the tenant's first workspace when left out",
    },
    tenant: TENANT_OPTION,
  },
  example: "registration-key create --name 'build machines' --max-uses 500 --name-prefix build",
  run: async (call) => {
    const { options, style, now } = call;
    const name = options.text("name");
    const validDays = options.count("valid-days", 3650);
    const workspace = options.text("workspace");
    if (workspace !== null && parseId("workspace", workspace) === null) {
      throw new UsageFailure("--workspace is the id of a workspace, such as wsp_01J….");
    }
    const maxUses = options.count("max-uses", MOST_USES);
    const namePrefix = options.text("name-prefix");
    const reusable = options.flag("reusable") || (maxUses ?? 1) > 1;
    const validUntil = validDays === null ? null : Math.floor((now() + validDays * DAY_MS) / 1000);
    const created = await new Api(call.configuration, chosenTenant(call)).post(
      "/api/v1/registration-keys",
      {
        name,
        reusable,
        max_uses: maxUses,
        name_prefix: namePrefix,
        valid_until: validUntil,
        workspace_id: workspace,
      },
      Created,
    );
    return {
      json: { ...created, valid_until: validUntil },
      text: [
        `The registration key “${name}” of ${created.workspace_id}, shown only this once and not kept anywhere:`,
        "",
        `  ${style.strong(created.key)}`,
        "",
        howMany(reusable ? maxUses : 1),
        validUntil === null ? "It has no end." : `It ends on ${formatSeconds(validUntil)} UTC.`,
      ],
    };
  },
};

function howMany(most: number | null): string {
  if (most === null) return "Any number of instances may register with it.";
  return most === 1 ? "One instance may register with it." : `${formatCount(most)} instances may register with it.`;
}
