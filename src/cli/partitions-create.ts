import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/log.ts";
import { httpSql } from "../db/connect.ts";
import { createPartitions } from "../jobs/create-partitions.ts";
import type { Command } from "./command.ts";
import { onDatabase } from "./database.ts";
import { counted } from "./table.ts";

export const partitionsCreateCommand: Command = {
  name: "partitions create",
  summary: "make the partitions that the next fourteen days need, as the daily cron does",
  notes: ["Repeating it makes nothing twice."],
  example: "partitions create",
  run: async ({ configuration }) => {
    const setting = configuration.database("jobs");
    const report = await onDatabase(setting, "ebb_jobs", () =>
      createPartitions({ jobs: httpSql(setting.value), clock: systemClock, logger: silentLogger }),
    );
    return {
      json: report,
      text:
        report.created.length === 0
          ? ["Every partition that is needed is there."]
          : [...report.created, "", `Made ${counted(report.created.length, "partition")}.`],
    };
  },
};
