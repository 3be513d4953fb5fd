import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/log.ts";
import { httpSql, type Sql } from "../db/connect.ts";
import { type PurgeReport, purge } from "../jobs/purge.ts";
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
        "select has_function_privilege('ebb.drop_expired_partition(regclass)', 'execute') as able",
      );
      if (role?.["able"] !== true) throw new CommandFailure(wrongRole(setting.from, "ebb_purge"));
      return await purge({ purge: sql, clock: systemClock, logger: silentLogger });
    });
    const failed = report.tables.filter((table) => table.error !== null);
    return {
      json: report,
      text: purgeText(report, style),
      ...(failed.length > 0 && { failure: `${counted(failed.length, "table")} could not be purged: see above.` }),
    };
  },
};

export function purgeText(report: PurgeReport, style?: Style): string[] {
  const touched = report.tables.filter(
    ({ deleted, blocked, partitions, error }) => deleted + blocked + partitions.length > 0 || error !== null,
  );
  const seconds = ((report.finishedAtMs - report.startedAtMs) / 1000).toFixed(1);
  if (touched.length === 0) return [`Nothing had expired in ${counted(report.tables.length, "table")} (${seconds} s).`];
  const partitions = touched.flatMap((table) => table.partitions);
  const blocked = touched.reduce((sum, table) => sum + table.blocked, 0);
  const deleted = touched.reduce((sum, table) => sum + table.deleted, 0);
  const tables = formatTable(
    [
      { title: "TABLE" },
      { title: "DELETED", right: true },
      { title: "PARTITIONS", right: true },
      { title: "BLOCKED", right: true },
      { title: "ERROR" },
    ],
    touched.map((table) => [
      table.table,
      formatCount(table.deleted),
      formatCount(table.partitions.length),
      formatCount(table.blocked),
      table.error ?? "",
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
    `Deleted ${counted(deleted, "row")} in ${seconds} s.`,
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
        if (typeof row["deleted"] === "number") rows += row["deleted"];
        if ("partition" in row) {
          partitions += 1;
          rows += Number(row["rows"]);
        }
      }
      if (now() - toldAt >= PROGRESS_MS) {
        toldAt = now();
        progress(`… ${counted(rows, "row")} deleted, ${counted(partitions, "partition")} dropped so far`);
      }
      return result;
    },
  };
}
