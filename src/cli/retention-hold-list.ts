import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { Hold, holdText, ownersAlone } from "./retention-hold-text.ts";

export const retentionHoldListCommand: Command = {
  name: "retention hold list",
  summary: "list the legal holds that are in place, newest first",
  notes: ["Released holds stay readable for 24 months: --released shows them too."],
  options: { released: { type: "boolean", what: "also those that were released" } },
  example: "retention hold list",
  run: async ({ configuration, options, now, style }) => {
    const api = new Api(configuration, "operator");
    const all = await api.all("/api/v1/retention/holds", Hold, ownersAlone("holds:read"));
    const holds = all.filter(({ released_at = null }) => options.flag("released") || released_at === null);
    return {
      json: { holds },
      text:
        holds.length === 0
          ? ["No legal hold is in place."]
          : holds.flatMap((hold, at) => [...(at > 0 ? [""] : []), ...holdText(hold, now(), style)]),
    };
  },
};
