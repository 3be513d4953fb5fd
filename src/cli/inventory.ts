import { type DeclaredTable, declaredTables } from "../privacy/inventory.ts";
import { accessOf, isPurgedByRow } from "../privacy/policies.ts";
import { SCHEDULE, type Window } from "../privacy/schedule.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { formatTable } from "./table.ts";
import { PLAIN, type Style } from "./terminal.ts";

export const inventoryCommand: Command = {
  name: "inventory",
  summary: "show what is stored, about whom, why, for how long, and who may touch it",
  notes: ["Read from src/privacy/inventory.ts, from which the database's policies are made: nothing needs to run."],
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
    return Promise.resolve({
      json: { schedule: SCHEDULE, tables: tables.map((table) => ({ ...table, access: accessByRole(table) })) },
      text: tables.flatMap((table, at) => [...(at > 0 ? ["", ""] : []), ...tableText(table, style)]),
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

export function tableText(table: DeclaredTable, style: Style = PLAIN): string[] {
  const { window, keptFrom, action, survivesClosing } = SCHEDULE[table.retention];
  const anchor = table.anchor.at === "bucket" ? table.anchor.column : table.anchor.columns.join(" or ");
  const facts: [string, string][] = [
    ["what", table.what],
    ["kept", `${windowText(window)} from: ${keptFrom} (${anchor}); then ${action}`],
    ["class", `${table.retention}${survivesClosing ? ", kept beyond the closing of an account" : ""}`],
    ["stored", table.layout.kind === "state" ? "as state" : `in partitions, one a ${table.layout.by}`],
    ["whose", table.subject],
    ...Object.entries(accessByRole(table)).map(([role, list]): [string, string] => [
      role,
      list.map(({ command, reach }) => `${command} ${reach}`).join(", "),
    ]),
    ...(isPurgedByRow(table) ? [] : [["ebb_purge", "drop of whole partitions that have expired"] as [string, string]]),
  ];
  const wide = Math.max(...facts.map(([name]) => name.length));
  return [
    style.strong(table.table),
    ...facts.map(([name, text]) => `${style.faint(name.padEnd(wide))}  ${text}`),
    "",
    ...formatTable(
      [{ title: "COLUMN" }, { title: "CATEGORY" }, { title: "PURPOSE" }, { title: "BASIS" }],
      Object.entries(table.columns).map(([name, { category, purpose, basis }]) => [name, category, purpose, basis]),
      style,
    ),
  ];
}

function windowText({ count, unit }: Window): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
