import * as z from "zod";
import { formatSeconds } from "./table.ts";
import { PLAIN, printable, type Style } from "./terminal.ts";

export const Hold = z.looseObject({
  id: z.string(),
  tenant_id: z.string().nullable(),
  subject_id: z.string().nullable(),
  retention_class: z.string().nullable(),
  reason: z.string(),
  /** Not known of one that was placed just now. */
  placed_by: z.string().optional(),
  placed_at: z.number(),
  review_at: z.number(),
  /** Null, or not there: it is in place. */
  released_at: z.number().nullable().optional(),
  outcome: z.string().nullable().optional(),
});
export type Hold = z.infer<typeof Hold>;

/** What a 403 means to these commands. */
export function ownersAlone(permission: string) {
  return { forbidden: `Legal holds are for keys of the platform owner with ${permission}` };
}

/** What is held, in one phrase. */
export function heldText({ tenant_id, subject_id, retention_class }: Hold): string {
  const within = retention_class === null ? "everything" : printable(retention_class);
  const about = subject_id === null ? "" : ` about ${printable(subject_id)}`;
  const of = tenant_id === null ? "" : ` of ${printable(tenant_id)}`;
  return `${within}${about}${of}`;
}

/** One hold. Whose review is due stands out. */
export function holdText(hold: Hold, nowMs: number, style: Style = PLAIN): string[] {
  const { id, reason, placed_by, placed_at, review_at, released_at = null, outcome = null } = hold;
  const due = released_at === null && review_at * 1000 <= nowMs;
  const state =
    released_at === null
      ? `in place, ${due ? "review was due" : "to be reviewed by"} ${day(review_at)}`
      : `released ${formatSeconds(released_at)} UTC`;
  return [
    `${style.strong(printable(id))}  ${due ? style.bad(state) : state}`,
    `  ${style.faint("holds")}    ${heldText(hold)}`,
    `  ${style.faint("reason")}   ${printable(reason)}`,
    `  ${style.faint("placed")}   ${formatSeconds(placed_at)} UTC${placed_by === undefined ? "" : ` with ${printable(placed_by)}`}`,
    ...(outcome === null ? [] : [`  ${style.faint("outcome")}  ${printable(outcome)}`]),
  ];
}

function day(seconds: number): string {
  return formatSeconds(seconds).slice(0, 10);
}
