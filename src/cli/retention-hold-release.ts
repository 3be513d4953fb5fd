import * as z from "zod";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { ownersAlone } from "./retention-hold-text.ts";

const Released = z.looseObject({ id: z.string(), released_at: z.number(), outcome: z.string() });

export const retentionHoldReleaseCommand: Command = {
  name: "retention hold release",
  summary: "end a legal hold: what it alone kept goes with the next run of the purge",
  notes: ["For keys of the platform owner with the permission holds:write. It cannot be taken back: place another."],
  argument: { name: "hold_id", what: "which hold, as retention hold list shows it" },
  options: {
    outcome: { type: "string", value: "text", required: true, what: "what came of it, in at most 500 characters" },
  },
  example: 'retention hold release hld_01KAHJ0000A1B2C3D4E5F6G7H8 --outcome "Case closed"',
  run: async ({ argument, options, configuration }) => {
    if (argument === null || parseId("legalHold", argument) === null) {
      throw new UsageFailure(
        "retention hold release takes the id of a hold, such as hld_01J…: npm run ebb -- retention hold list shows them.",
      );
    }
    const released = await new Api(configuration, "operator").post(
      `/api/v1/retention/holds/${argument}/release`,
      { outcome: options.text("outcome") },
      Released,
      { ...ownersAlone("holds:write"), "not-found": `No hold ${argument} is in place` },
    );
    return {
      json: released,
      text: [`${released.id} is released: what it alone kept goes with the next run of the purge.`],
    };
  },
};
