import { instantFromSql } from "../db/columns.ts";
import { httpSql } from "../db/connect.ts";
import { declaredTables } from "../privacy/inventory.ts";
import type { Command } from "./command.ts";
import { onDatabase } from "./database.ts";
import { counted, formatInstant, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export interface Partition {
  table: string;
  partition: string;
  /** Rows in it expire from this instant on, and before the other: RFC 3339, to the microsecond. */
  from: string;
  before: string;
  /** The last instant at which a row in it can expire; ms since 1970. */
  lastAt: number;
  /** All in it has expired: the next purge drops it. */
  due: boolean;
}

export const partitionsCommand: Command = {
  name: "partitions",
  summary: "list the partitions of the tables that are kept by expiry",
  notes: [
    "A partition holds the rows that expire between two instants, and is dropped whole once the second has come.",
  ],
  example: "partitions",
  run: async ({ configuration, style }) => {
    const setting = configuration.database("jobs");
    const partitions = await onDatabase(setting, "ebb_jobs", () => listPartitions(setting.value));
    return {
      json: { partitions: partitions.map(({ lastAt: _, ...partition }) => partition) },
      text: partitionsText(partitions, style),
    };
  },
};

const LIST = `
  select partition::text as name,
         to_char(lower_bound at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as from,
         to_char(upper_bound at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as before,
         last_at, last_at <= ebb.clock() as due
    from ebb.partitions($1), lateral (select upper_bound - interval '1 microsecond' as last_at) as l
   order by lower_bound`;

async function listPartitions(url: string): Promise<Partition[]> {
  const sql = httpSql(url);
  const tables = declaredTables().filter(({ layout }) => layout.kind === "partitioned");
  const lists = tables.map(async ({ table }) => {
    const rows = await sql.query(LIST, [`public.${table}`]);
    return rows.map((row) => ({
      table,
      partition: row["name"] as string,
      from: row["from"] as string,
      before: row["before"] as string,
      lastAt: instantFromSql(row["last_at"] as string),
      due: row["due"] === true,
    }));
  });
  return (await Promise.all(lists)).flat();
}

export function partitionsText(partitions: readonly Partition[], style?: Style): string[] {
  if (partitions.length === 0) return ["There are no partitions: make them with npm run ebb -- partitions create."];
  const due = partitions.filter((partition) => partition.due).length;
  return [
    ...formatTable(
      [{ title: "TABLE" }, { title: "PARTITION" }, { title: "ROWS EXPIRE FROM (UTC)" }, { title: "TO" }, { title: "" }],
      partitions.map(({ table, partition, from, lastAt, due }) => [
        table,
        partition,
        formatInstant(Date.parse(from)),
        formatInstant(lastAt),
        due ? "due" : "",
      ]),
      style,
    ),
    "",
    due === 0
      ? `${counted(partitions.length, "partition")}, none due.`
      : `${counted(partitions.length, "partition")}, ${due} due: npm run ebb -- purge drops them.`,
  ];
}
