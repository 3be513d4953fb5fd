import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { keyIdOf } from "./key-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds } from "./table.ts";
import { printable } from "./terminal.ts";

const Rotated = z.looseObject({
  id: z.string(),
  name: z.string(),
  key: z.string(),
  former: z.looseObject({ id: z.string(), valid_until: z.number() }),
});
const LONGEST_OVERLAP_H = 30 * 24;

export const keyRotateCommand: Command = {
  name: "key rotate",
  summary: "make an API key's successor, shown once",
  notes: ["The successor may do what the former may. The former ends at once, or after the overlap."],
  argument: { name: "key_id", what: "which key, as key list shows it" },
  options: {
    "overlap-hours": { type: "string", value: "hours", what: "the former is valid for so long yet; at most 720" },
    tenant: TENANT_OPTION,
  },
  example: "key rotate crd_01KAHJ7777G8H9J0K1M2N3P4Q5 --overlap-hours 24",
  run: async (call) => {
    const { argument, options, configuration, style } = call;
    const id = keyIdOf(argument, "key rotate");
    const overlap_s = (options.count("overlap-hours", LONGEST_OVERLAP_H) ?? 0) * 3600;
    const api = new Api(configuration, chosenTenant(call));
    const rotated = await api.post(`/api/v1/keys/${id}/rotate`, { overlap_s }, Rotated);
    const until = formatSeconds(rotated.former.valid_until);
    return {
      json: rotated,
      text: [
        `The successor ${rotated.id} of “${printable(rotated.name)}”, shown only this once and not kept anywhere:`,
        "",
        `  ${style.strong(rotated.key)}`,
        "",
        overlap_s === 0 ? `${id} is refused from now on.` : `${id} is valid until ${until} UTC.`,
      ],
    };
  },
};
