import * as z from "zod";
import { durationText, momentText, tenantText, windowText } from "./limits-text.ts";
import { formatCount, formatTable } from "./table.ts";
import { PLAIN, printable, type Style } from "./terminal.ts";

/** A call that limits refused, as the gate remembers it. */
export const Refusal = z.looseObject({
  /** Seconds since 1970. */
  at: z.number(),
  request_id: z.string(),
  route_class: z.string(),
  /** Who called: an id by scope. */
  subjects: z.record(z.string(), z.string()),
  violated: z.array(z.string()),
  /** Null: waiting does not help. */
  retry_after_s: z.number().nullable(),
  /** As they stood at the refusal; those from above the tenant only for who is above. */
  policies: z.array(
    z.looseObject({
      policy: z.string(),
      limit: z.number(),
      window_s: z.number().nullable(),
      remaining: z.number(),
      resets_in_s: z.number(),
    }),
  ),
});
export type Refusal = z.infer<typeof Refusal>;

export interface Remembering {
  id: string;
  name: string | null;
}

/** One refusal in full: every policy that applied to the call, as it stood then, and which of them refused. */
export function storyText(tenant: Remembering, refusal: Refusal, style: Style = PLAIN): string[] {
  const { at, request_id, route_class, subjects, policies } = refusal;
  const violated = new Set(refusal.violated);
  const own = policies.map(({ policy, limit, window_s, remaining, resets_in_s }) => ({
    cells: [
      policy,
      formatCount(limit),
      windowText(window_s),
      formatCount(remaining),
      limit === 0 ? "–" : durationText(resets_in_s),
      violated.has(policy) ? "refused" : "had room",
    ],
    refused: violated.has(policy),
  }));
  // The tenant itself is told that they refused, and not how they stood.
  const above = refusal.violated
    .filter((name) => !policies.some(({ policy }) => policy === name))
    .map((name) => ({ cells: [name, "–", "–", "–", "–", "refused, from above"], refused: true }));
  const rows = [...own, ...above];
  const [titles = "", ...lines] = formatTable(
    [
      { title: "POLICY" },
      { title: "LIMIT", right: true },
      { title: "WINDOW" },
      { title: "REMAINED", right: true },
      { title: "RESET IN" },
      { title: "THIS CALL" },
    ],
    rows.map(({ cells }) => cells),
    style,
  );
  const whose = Object.entries(subjects).map(([scope, subject]) => `${scope} ${subject}`);
  return [
    `${style.strong(printable(request_id))} was refused at ${momentText(at)} UTC.`,
    "",
    `tenant   ${tenantText(tenant)}`,
    `class    ${printable(route_class)}`,
    ...(whose.length === 0 ? ["caller   –"] : whose.map((line) => `caller   ${printable(line)}`)),
    `waiting  ${waitingText(refusal)}`,
    "",
    titles,
    ...lines.map((line, index) => (rows[index]?.refused ? style.bad(line) : line)),
    ...(above.length === 0
      ? []
      : ["", style.faint("from above: set by a tenant above; how it stood then is not told")]),
  ];
}

function waitingText({ at, retry_after_s }: Refusal): string {
  if (retry_after_s === null) return "does not help: a limit is 0, or smaller than what the call costs";
  const until = `${momentText(at + retry_after_s)} UTC`;
  return `helps from ${until} on, ${durationText(retry_after_s)} after the refusal, if no other call takes the room`;
}
