import * as z from "zod";
import { parseId } from "../core/id.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { Refusal, type Remembering, storyText } from "./limits-story.ts";
import { tenantOption, tenantToLookAt, unseen } from "./limits-tenant.ts";
import { durationText, momentText, tenantText } from "./limits-text.ts";
import { counted, formatTable } from "./table.ts";
import { PLAIN, printable, type Style } from "./terminal.ts";

const Refusals = z.looseObject({ data: z.array(Refusal) });

export const limitsTraceCommand: Command = {
  name: "limits trace",
  summary: "show why calls were refused: the last of them, or the whole story of one",
  notes: ["A tenant's gate remembers the last 50 refusals of an hour. Calls that were admitted are not remembered."],
  argument: { name: "request_id", what: "which call: the X-Request-Id of its answer; all of the last when left out" },
  options: { tenant: tenantOption("the key's own; locally direct") },
  example: "limits trace req_01KAHJ7777G8H9J0K1M2N3P4Q5",
  run: async (call) => {
    const { argument, style } = call;
    if (argument !== null && parseId("request", argument) === null) {
      throw new UsageFailure(
        "limits trace takes the id of a request, such as req_01J…: answers have it in X-Request-Id.",
      );
    }
    const { api, id, name } = await tenantToLookAt(call);
    const [shownName, { data }] = await Promise.all([
      name(),
      api.get(`/api/v1/tenants/${id}/refusals`, Refusals, unseen(id)),
    ]);
    const tenant = { id, name: shownName };
    const known = { tenant_id: id, tenant_name: shownName };
    if (argument === null) return { json: { ...known, refusals: data }, text: refusalsText(tenant, data, style) };
    const refusal = data.find(({ request_id }) => request_id === argument) ?? null;
    return {
      json: { ...known, request_id: argument, refusal },
      text: refusal === null ? unknownText(tenant, argument) : storyText(tenant, refusal, style),
    };
  },
};

export function refusalsText(tenant: Remembering, refusals: readonly Refusal[], style: Style = PLAIN): string[] {
  if (refusals.length === 0) return [`${tenantText(tenant)}: limits have refused no call within the last hour.`];
  return [
    `${style.strong(tenantText(tenant))}: ${counted(refusals.length, "refusal")} of the last hour`,
    "",
    ...formatTable(
      [
        { title: "TIME (UTC)" },
        { title: "REQUEST" },
        { title: "CLASS" },
        { title: "WHOSE CALL" },
        { title: "REFUSED BY" },
        { title: "RETRY AFTER" },
      ],
      refusals.map((refusal) => [
        momentText(refusal.at),
        refusal.request_id,
        refusal.route_class,
        Object.entries(refusal.subjects)
          .map(([scope, subject]) => `${scope} ${shortened(subject)}`)
          .join(", ") || "–",
        refusal.violated.join(", "),
        refusal.retry_after_s === null ? "never" : durationText(refusal.retry_after_s),
      ]),
      style,
    ),
    "",
    style.faint("The whole story of one: npm run ebb -- limits trace req_…"),
  ];
}

/** Hashes and client ids are longer than anybody compares. Ids of Ebb's are whole. */
function shortened(subject: string): string {
  return subject.length <= 32 ? subject : `${subject.slice(0, 12)}…`;
}

function unknownText(tenant: Remembering, requestId: string): string[] {
  return [
    `The gate of ${tenantText(tenant)} remembers no refusal of ${printable(requestId)}.`,
    "It remembers the last 50 of an hour: the call may have been admitted, be older, be another tenant's, or have been",
    "refused for something other than a limit.",
  ];
}
