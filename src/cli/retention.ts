import * as z from "zod";
import { type RetentionClass, type RetentionClassName, SCHEDULE, type Window } from "../privacy/schedule.ts";
import type { Command } from "./command.ts";
import { wrapped } from "./help.ts";
import { nameOf, tenantNamed, tenantOption, unseen } from "./limits-tenant.ts";
import { durationText, tenantText } from "./limits-text.ts";
import { type ChartLine, countText, retentionChart } from "./retention-chart.ts";
import { counted, formatCount, formatSeconds } from "./table.ts";
import { PLAIN, printable, type Style } from "./terminal.ts";

/** So many rows, or where `more` is true at least so many. */
const Count = z.object({ rows: z.number(), more: z.boolean() });
type Count = z.infer<typeof Count>;

const Table = z.looseObject({
  table: z.string(),
  retention_class: z.string(),
  window: z.string(),
  anonymised_after: z.string().nullable(),
  own_months: z.number().nullable(),
  /** Null: not before something ends; or nothing is kept. */
  kept_until: z.number().nullable(),
  empty: z.boolean(),
  expiring: Count,
  anonymising: Count,
  overdue: Count,
  overdue_s: z.number(),
  /** Null: not told. */
  held: z.number().nullable(),
});
type Table = z.infer<typeof Table>;

export const RetentionStatus = z.looseObject({
  at: z.number(),
  tenant_id: z.string(),
  everybody: z.boolean(),
  last_run: z
    .looseObject({
      began_at: z.number(),
      ended_at: z.number(),
      tables: z.number(),
      deleted: z.number(),
      anonymised: z.number(),
      unfinished: z.array(z.string()),
    })
    .nullable(),
  overdue: Count,
  overdue_s: z.number(),
  worst: z
    .looseObject({ overdue_s: z.number(), table: z.string(), receipt_id: z.string(), recorded_at: z.number() })
    .nullable(),
  copies: z.array(z.looseObject({ store: z.string(), kept: z.string() })),
  tables: z.array(Table),
});
export type RetentionStatus = z.infer<typeof RetentionStatus>;

/** The purge runs every hour: two missed are no accident. */
const LATE_S = 2 * 3600;

export const retentionCommand: Command = {
  name: "retention",
  summary: "show what is kept, until when, what goes next, and how late the purge was",
  notes: [
    "Of the key's own tenant, or of one below it. Of the platform owner's tenant: of everybody, and with what legal holds keep back.",
    "At most 10,000 rows of a table are counted: + stands for more.",
  ],
  options: { tenant: tenantOption("the key's own; locally direct") },
  example: "retention --tenant operator",
  run: async (call) => {
    const { api, id } = tenantNamed(call);
    const path = `/api/v1/retention/status${id === null ? "" : `?tenant_id=${id}`}`;
    const status = await api.get(path, RetentionStatus, {
      ...(id === null ? {} : unseen(id)),
      forbidden: "This key may not read what is kept: that takes retention:read",
    });
    const name = await nameOf(api, status.tenant_id);
    return { json: { ...status, tenant_name: name }, text: retentionText(status, name, call.width, call.style) };
  },
};

export function retentionText(
  status: RetentionStatus,
  name: string | null,
  width: number,
  style: Style = PLAIN,
): string[] {
  const { at, tables, everybody } = status;
  const whose = tenantText({ id: status.tenant_id, name });
  const lines = linesOf(tables);
  const notes = notesOn(tables, lines);
  return [
    style.strong(`${whose}${everybody ? " and all below it" : ""}, at ${formatSeconds(at)} UTC`),
    "",
    ...factsOf(status, width, style),
    "",
    ...retentionChart(lines, width, style),
    ...(notes.length > 0 ? [""] : []),
    ...notes.flatMap((note) => wrapped(note, width)).map((note) => style.faint(note)),
  ];
}

function factsOf(status: RetentionStatus, width: number, style: Style): string[] {
  const { tables, overdue_s, worst, copies, everybody } = status;
  const held = tables.reduce((sum, table) => sum + (table.held ?? 0), 0);
  const goes = total(tables.map(({ expiring }) => expiring));
  const anonymised = total(tables.map(({ anonymising }) => anonymising));
  const nothing = goes.rows + anonymised.rows === 0 && !goes.more && !anonymised.more;
  const facts: [string, string, boolean?][] = [
    [
      "next 24 h",
      nothing
        ? "nothing goes"
        : `${rowsText(goes)} go${goes.rows === 1 && !goes.more ? "es" : ""}${anonymised.rows > 0 ? `, ${countText(anonymised)} anonymised` : ""}`,
    ],
    ["last run", ...lastRunText(status)],
    ["overdue now", overdueText(status), overdue_s > LATE_S],
    ["worst ever", worstText(worst)],
    ...(everybody || held > 0
      ? [["legal holds", held === 0 ? "keep nothing back" : `keep ${counted(held, "row")} back`] as [string, string]]
      : []),
    [
      "copies",
      `restorable for ${[...new Set(copies.map(({ kept }) => kept))].join(", ")} more: ${copies.map(({ store }) => printable(store)).join(", ")}`,
    ],
  ];
  const wide = Math.max(...facts.map(([name]) => name.length));
  return facts.flatMap(([name, text, bad = false]) =>
    wrapped(text, width - wide - 2).map((line, at) => {
      const label = at === 0 ? style.faint(name.padEnd(wide)) : " ".repeat(wide);
      return `${label}  ${bad ? style.bad(line) : line}`;
    }),
  );
}

function overdueText({ overdue, overdue_s }: RetentionStatus): string {
  if (overdue.rows === 0) return overdue.more ? "nothing, as far as was looked" : "nothing";
  return `${rowsText(overdue)}${overdue_s > 0 ? `, the oldest for ${durationText(overdue_s)}` : ""}`;
}

function lastRunText({ last_run, at }: RetentionStatus): [string, boolean] {
  if (last_run === null) return ["never", true];
  const { began_at, ended_at, tables, deleted, anonymised, unfinished } = last_run;
  const ago = Math.max(0, at - ended_at);
  const when = `${formatSeconds(began_at)} UTC, ${ago < 60 ? "just now" : `${durationText(ago)} ago`}`;
  const did = `${formatCount(deleted)} deleted${anonymised > 0 ? `, ${formatCount(anonymised)} anonymised` : ""}`;
  const end =
    unfinished.length === 0
      ? `${counted(tables, "table")}, finished`
      : `not finished: ${unfinished.slice(0, 3).map(printable).join(", ")}${unfinished.length > 3 ? ", …" : ""}`;
  return [`${when}: ${did}, ${end}`, unfinished.length > 0 || ago > LATE_S];
}

function worstText(worst: RetentionStatus["worst"]): string {
  if (worst === null) return "–";
  if (worst.overdue_s === 0) return "never a second late";
  const { overdue_s, table, recorded_at, receipt_id } = worst;
  return `${durationText(overdue_s)}, in ${printable(table)} at ${formatSeconds(recorded_at)} UTC (${printable(receipt_id)})`;
}

function rowsText({ rows, more }: Count): string {
  return more ? `${formatCount(rows)}+ rows` : counted(rows, "row");
}

function total(counts: readonly Count[]): Count {
  return counts.reduce((sum, { rows, more }) => ({ rows: sum.rows + rows, more: sum.more || more }), {
    rows: 0,
    more: false,
  });
}

const MINUTES = { minute: 1, hour: 60, day: 1440, month: 43_830 } as const;

function minutesOf({ unit, count }: Window): number {
  return MINUTES[unit] * count;
}

/** A line a class, in the schedule's order. What a service of another version calls otherwise comes last. */
function linesOf(tables: readonly Table[]): ChartLine[] {
  const byClass = Map.groupBy(tables, ({ retention_class }) => retention_class);
  const known = Object.keys(SCHEDULE).filter((name) => byClass.has(name));
  const others = [...byClass.keys()].filter((name) => !known.includes(name));
  return [...known, ...others].map((name) => lineOf(name, byClass.get(name) ?? []));
}

function lineOf(name: string, tables: readonly Table[]): ChartLine {
  const [first] = tables;
  const own = first?.own_months ?? null;
  const schedule: RetentionClass | undefined = Object.hasOwn(SCHEDULE, name)
    ? SCHEDULE[name as RetentionClassName]
    : undefined;
  const window: Window =
    own === null ? (schedule?.window ?? { unit: "minute", count: 1 }) : { unit: "month", count: own };
  const next = total(tables.flatMap(({ expiring, anonymising }) => [expiring, anonymising]));
  return {
    name,
    kept: own === null ? (first?.window ?? "") : `${counted(own, "month")}*`,
    minutes: minutesOf(window),
    anonymisedAfter: schedule?.anonymiseAfter ? minutesOf(schedule.anonymiseAfter) : null,
    next24h: next.rows,
    more: next.more,
    until: untilText(tables),
    overdue: tables.some(({ overdue_s }) => overdue_s > LATE_S),
  };
}

const OPEN = "open";

/** The day on which the last of it goes. */
function untilText(tables: readonly Table[]): string {
  const kept = tables.filter(({ empty }) => !empty);
  if (kept.length === 0) return "–";
  if (kept.some(({ kept_until }) => kept_until === null)) return OPEN;
  return formatSeconds(Math.max(...kept.map(({ kept_until }) => kept_until ?? 0))).slice(0, 10);
}

function notesOn(tables: readonly Table[], lines: readonly ChartLine[]): string[] {
  const anonymised = tables.filter(({ anonymised_after }) => anonymised_after !== null);
  return [
    ...(lines.some(({ until }) => until === OPEN)
      ? ["open  kept until something ends: a subscription, an account, a case; the window runs from then"]
      : []),
    ...(tables.some(({ own_months }) => own_months !== null) ? ["*  the tenant's own window"] : []),
    ...anonymised.map(
      ({ table, anonymised_after }) =>
        `░  ${printable(table)} are anonymised after ${printable(anonymised_after ?? "")}`,
    ),
  ];
}
