import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/log.ts";
import { httpSql, type Sql } from "../db/connect.ts";
import { purge } from "../jobs/purge.ts";
import type { PurgeReport, TableReport } from "../jobs/purge-report.ts";
import type { Command } from "./command.ts";
import { onDatabase, wrongRole } from "./database.ts";
import { CommandFailure } from "./failure.ts";
import { counted, formatCount, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

const PROGRESS_MS = 1_000;

export const purgeCommand: Command = {
  name: "purge",
  summary: "delete what has expired, as the hourly cron does",
  notes: [
    "Connects as ebb_purge, which Postgres lets delete expired rows and no others: run it as often as you like.",
    "A table that fails is reported and stops no other; the exit code is then 1.",
  ],
  example: "purge",
  run: async ({ configuration, style, progress }) => {
    const setting = configuration.database("purge");
    const sql = watched(httpSql(setting.value), progress);
    const report = await onDatabase(setting, "ebb_purge", async () => {
      // The job goes on past every failure: whether there is a database, and with which role, is asked first.
      const [role] = await sql.query(
        "select has_function_privilege('ebb.purge_batch(uuid, regclass, text, uuid, text[], integer)', 'execute') as able",
      );
      if (role?.["able"] !== true) throw new CommandFailure(wrongRole(setting.from, "ebb_purge"));
      return await purge({ purge: sql, clock: systemClock, logger: silentLogger, random: Math.random, pause: delay });
    });
    const failed = report.tables.filter(isUnfinished);
    return {
      json: report,
      text: purgeText(report, style),
      ...(failed.length > 0 && {
        failure: `${counted(failed.length, "table")} could not be purged to the end: see above.`,
      }),
    };
  },
};

const isUnfinished = ({ finished }: TableReport) => !finished;

export function purgeText(report: PurgeReport, style?: Style): string[] {
  const touched = report.tables.filter(
    ({ deleted, anonymised, blocked, partitions, finished }) =>
      deleted + anonymised + blocked + partitions.length > 0 || !finished,
  );
  const seconds = ((report.finishedAtMs - report.startedAtMs) / 1000).toFixed(1);
  if (touched.length === 0) return [`Nothing was due in ${counted(report.tables.length, "table")} (${seconds} s).`];
  const partitions = touched.flatMap((table) => table.partitions);
  const blocked = touched.reduce((sum, table) => sum + table.blocked, 0);
  const deleted = touched.reduce((sum, table) => sum + table.deleted, 0);
  const anonymised = touched.reduce((sum, table) => sum + table.anonymised, 0);
  const tables = formatTable(
    [
      { title: "TABLE" },
      { title: "DELETED", right: true },
      { title: "ANONYMISED", right: true },
      { title: "PARTITIONS", right: true },
      { title: "BLOCKED", right: true },
      { title: "NOT FINISHED" },
    ],
    touched.map((table) => [
      table.table,
      formatCount(table.deleted),
      formatCount(table.anonymised),
      formatCount(table.partitions.length),
      formatCount(table.blocked),
      table.finished ? "" : table.errors.join(", ") || "time was up",
    ]),
    style,
  );
  const dropped = formatTable(
    [{ title: "DROPPED PARTITION" }, { title: "ROWS", right: true }],
    partitions.map(({ name, rows }) => [name.replace(/^public\./, ""), formatCount(rows)]),
    style,
  );
  return [
    ...tables,
    "",
    ...(partitions.length > 0 ? [...dropped, ""] : []),
    `Deleted ${counted(deleted, "row")}${anonymised > 0 ? ` and anonymised ${formatCount(anonymised)}` : ""} in ${seconds} s.`,
    ...(blocked > 0
      ? [`${counted(blocked, "expired row")} stayed, because others still refer to ${blocked === 1 ? "it" : "them"}.`]
      : []),
  ];
}

/** The same, telling once a second what the statements have deleted so far. */
export function watched(sql: Sql, progress: (line: string) => void, now = () => performance.now()): Sql {
  let rows = 0;
  let partitions = 0;
  let toldAt = now();
  return {
    query: async (...call) => {
      const result = await sql.query(...call);
      for (const row of result) {
        if (typeof row["done"] === "number") rows += row["done"];
        if ("partition" in row) {
          partitions += 1;
          rows += Number(row["rows"]);
        }
      }
      if (now() - toldAt >= PROGRESS_MS) {
        toldAt = now();
        progress(`… ${counted(rows, "row")} done, ${counted(partitions, "partition")} dropped so far`);
      }
      return result;
    },
  };
}
