import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

const Event = z.looseObject({
  id: z.string(),
  event: z.string(),
  outcome: z.string(),
  actor_id: z.string().nullable(),
  place: z.string().nullable(),
  reason: z.string().nullable(),
  recorded_at: z.number(),
});
type Event = z.infer<typeof Event>;
const Page = z.object({ data: z.array(Event), next_cursor: z.string().nullable() });

/** The most that one page holds. */
const MOST = 200;

export const eventListCommand: Command = {
  name: "event list",
  summary: "show who signed in and what was refused, newest first",
  notes: ["Of refusals one for each actor, reason and hour, at that hour. Kept for 12 months."],
  options: {
    last: { type: "string", value: "count", what: `how many events, at most ${MOST} (20 when left out)` },
    tenant: TENANT_OPTION,
  },
  example: "event list",
  run: async (call) => {
    const limit = call.options.count("last", MOST) ?? 20;
    const { data } = await new Api(call.configuration, chosenTenant(call)).get(`/api/v1/events?limit=${limit}`, Page);
    return { json: { events: data }, text: eventsText(data, call.style) };
  },
};

export function eventsText(events: readonly Event[], style?: Style): string[] {
  if (events.length === 0) return ["Nothing is recorded yet."];
  return formatTable(
    [
      { title: "WHEN (UTC)" },
      { title: "EVENT" },
      { title: "OUTCOME" },
      { title: "WHO" },
      { title: "FROM" },
      { title: "WHY" },
    ],
    events.map(({ recorded_at, event, outcome, actor_id, place, reason }) => [
      formatSeconds(recorded_at),
      event,
      outcome,
      actor_id ?? "–",
      place ?? "–",
      reason ?? "–",
    ]),
    style,
  );
}
