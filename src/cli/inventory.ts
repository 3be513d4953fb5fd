import { granularityOf } from "../privacy/declaration.ts";
import { GATE_INVENTORY } from "../privacy/declared/gate.ts";
import { LOG_INVENTORY, OUTSIDE_STORES } from "../privacy/declared/outside.ts";
import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { accessOf } from "../privacy/policies.ts";
import { SCHEDULE, variationText, windowText } from "../privacy/schedule.ts";
import { categoryTerm, LEGAL_BASES, purposeTerm, RECIPIENTS } from "../privacy/vocabulary.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { formatTable } from "./table.ts";
import { PLAIN, type Style } from "./terminal.ts";

export const inventoryCommand: Command = {
  name: "inventory",
  summary: "show what is stored, about whom, why, for how long, and who may touch it",
  notes: [
    "Read from src/privacy/, from which the database's policies are made: nothing needs to run.",
    "Categories and purposes are terms of the W3C Data Privacy Vocabulary. With --json also what gates, the log and outside stores keep.",
  ],
  argument: { name: "table", what: "one table; all of them when left out" },
  example: "inventory pings",
  run: ({ argument, style }) => {
    const all = declaredTables();
    const tables = argument === null ? all : all.filter(({ table }) => table === argument);
    if (tables.length === 0) {
      throw new UsageFailure(
        `There is no table ${argument}: the tables are ${all.map(({ table }) => table).join(", ")}.`,
      );
    }
    const rest = argument === null ? elsewhereText(style) : [];
    return Promise.resolve({
      json: {
        schedule: SCHEDULE,
        tables: tables.map(tableJson),
        ...(argument === null && elsewhereJson()),
        recipients: RECIPIENTS,
      },
      text: [...tables.flatMap((table, at) => [...(at > 0 ? ["", ""] : []), ...tableText(table, style)]), ...rest],
    });
  },
};

type Reached = { command: string; reach: string; columns: readonly string[] | "all" };

/** With what follows from the declaration: the purge's part. */
function accessByRole(table: DeclaredTable): Record<string, Reached[]> {
  const roles: Record<string, Reached[]> = {};
  for (const [role, { command, reach, columns = "all" }] of accessOf(table)) {
    roles[role] = [...(roles[role] ?? []), { command, reach, columns }];
  }
  return roles;
}

function tableJson(table: DeclaredTable) {
  const { anchor, columns } = table;
  return { ...table, granularity: granularityOf(anchor), columns: inTerms(columns), access: accessByRole(table) };
}

/** Columns with each term as the vocabulary's prefix and name have it. */
function inTerms(columns: DeclaredTable["columns"]) {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { category, purpose, basis }]) => {
      const terms = { category: categoryTerm(category), purpose: purposeTerm(purpose) };
      return [name, { ...terms, basis, article: LEGAL_BASES[basis]?.term ?? null }];
    }),
  );
}

/** What lies outside Postgres: in gates, in the log, and in the copies that our processors make. */
function elsewhereJson() {
  const gate = Object.fromEntries(
    Object.entries(GATE_INVENTORY).map(([name, table]) => [name, { ...table, columns: inTerms(table.columns) }]),
  );
  return { gate, log: inTerms(LOG_INVENTORY), outside: OUTSIDE_STORES };
}

export function tableText(table: DeclaredTable, style: Style = PLAIN): string[] {
  const { window, keptFrom, action, anonymiseAfter, mayVary, survivesClosing } = SCHEDULE[table.retention];
  const anchor = table.anchor.at === "bucket" ? table.anchor.column : table.anchor.columns.join(" or ");
  const anonymised = Object.entries(table.anonymise ?? {}).map(([column, how]) => `${column} (${how})`);
  const facts: [string, string][] = [
    ["what", table.what],
    ["kept", `${windowText(window)} from: ${keptFrom} (${anchor}); then ${action}`],
    ...(anonymiseAfter === null
      ? []
      : [["anonymised", `after ${windowText(anonymiseAfter)}: ${anonymised.join(", ")}`] as [string, string]]),
    ["may vary", variationText(mayVary)],
    ["class", `${table.retention}${survivesClosing ? ", kept beyond the closing of an account" : ""}`],
    ["legal hold", table.holds],
    ["stored", table.layout.kind === "state" ? "as state" : `in partitions, one a ${table.layout.by}`],
    ["anchored", `to the ${granularityOf(table.anchor)}`],
    ["whose", table.subject ?? "nobody's"],
    ["goes to", table.recipients.join(", ")],
    ...Object.entries(accessByRole(table)).map(([role, list]): [string, string] => [
      role,
      list.map(({ command, reach }) => `${command} ${reach}`).join(", "),
    ]),
    ...(table.layout.kind === "state"
      ? []
      : [["ebb_purge", "drop of whole partitions whose time has passed"] as [string, string]]),
  ];
  const wide = Math.max(...facts.map(([name]) => name.length));
  return [
    style.strong(table.table),
    ...facts.map(([name, text]) => `${style.faint(name.padEnd(wide))}  ${text}`),
    "",
    ...columnsText(table.columns, style),
  ];
}

function columnsText(columns: DeclaredTable["columns"], style: Style): string[] {
  return formatTable(
    [{ title: "COLUMN" }, { title: "CATEGORY" }, { title: "PURPOSE" }, { title: "BASIS" }],
    Object.entries(columns).map(([name, { category, purpose, basis }]) => [name, category, purpose, basis]),
    style,
  );
}

function elsewhereText(style: Style): string[] {
  const gate = Object.entries(GATE_INVENTORY).flatMap(([table, { what, keptUntil, columns }]) => [
    ...["", "", style.strong(`gate: ${table}`)],
    `${style.faint("what")}  ${what}`,
    `${style.faint("kept")}  until ${keptUntil}`,
    ...["", ...columnsText(columns, style)],
  ]);
  return [
    ...gate,
    ...["", "", style.strong("the log"), "", ...columnsText(LOG_INVENTORY, style)],
    ...["", "", style.strong("outside stores"), ""],
    ...formatTable(
      [{ title: "STORE" }, { title: "KEEPER" }, { title: "KEPT" }, { title: "AT MOST" }, { title: "WHAT" }],
      Object.entries(OUTSIDE_STORES).map(([name, { keeper, kept, atMost, what }]) => [
        ...[name, keeper, windowText(kept), windowText(atMost), what],
      ]),
      style,
    ),
  ];
}
