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
  /** Rows in it expire from this instant on, and before the other; ms since 1970. */
  from: number;
  before: number;
  /** Its time has passed: the next purge drops it. */
  due: boolean;
}

export const partitionsCommand: Command = {
  name: "partitions",
  summary: "list the partitions of the tables that are kept by expiry",
  notes: ["A partition holds the rows that expire between two instants, and is dropped whole after the second."],
  example: "partitions",
  run: async ({ configuration, style }) => {
    const setting = configuration.database("jobs");
    const partitions = await onDatabase(setting, "ebb_jobs", () => listPartitions(setting.value));
    return {
      json: {
        partitions: partitions.map((partition) => ({
          ...partition,
          from: new Date(partition.from).toISOString(),
          before: new Date(partition.before).toISOString(),
        })),
      },
      text: partitionsText(partitions, style),
    };
  },
};

async function listPartitions(url: string): Promise<Partition[]> {
  const sql = httpSql(url);
  const tables = declaredTables().filter(({ layout }) => layout.kind === "partitioned");
  const lists = tables.map(async ({ table }) => {
    const rows = await sql.query(
      "select partition::text as name, lower_bound, upper_bound, upper_bound <= ebb.clock() as due from ebb.partitions($1)",
      [`public.${table}`],
    );
    return rows.map((row) => ({
      table,
      partition: row["name"] as string,
      from: instantFromSql(row["lower_bound"] as string),
      before: instantFromSql(row["upper_bound"] as string),
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
      [{ title: "TABLE" }, { title: "PARTITION" }, { title: "EXPIRES FROM (UTC)" }, { title: "BEFORE" }, { title: "" }],
      partitions.map(({ table, partition, from, before, due }) => [
        table,
        partition,
        formatInstant(from),
        formatInstant(before),
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
