import type { Bench, BenchReport } from "./bench.ts";
import { measureExpiry } from "./purge/expiry.ts";
import { measureFanOut } from "./purge/fan-out.ts";
import { measureGrowth } from "./purge/growth.ts";
import type { Series } from "./purge/series.ts";
import { startPurgeStage } from "./purge/stage.ts";
import {
  fanOutTable,
  growthTable,
  latencies,
  latencyTable,
  locksTable,
  slowReaderTable,
  speedTable,
} from "./purge/tables.ts";
import { expiryTargets, growthTargets } from "./purge/targets.ts";
import { startOfTime } from "./purge/terms.ts";
import { startTraffic } from "./purge/traffic.ts";
import { number } from "./table.ts";

const NOTES = [
  "Ours is the product: its schema, its jobs, its roles, over its HTTP driver; the database's clock alone is replaced, by one that can be set. Rows are written in bulk as superuser, without triggers. A table's time is that of the statements of the job that name it.",
  "One table: primary key and an index on expires_at; one DELETE, or batches by ctid in the order of expiry. By created_at: partitions by the month of recording (by the day they would be over 700), index (tenant_id, recorded_at), a DELETE a tenant by its window, DROP once the longest has passed. All have our columns and the same rows, in the order of recording.",
  "Executions: 30 tenants with windows of 1, 12 and 24 months. VACUUM, timed, of what a run has left dead rows in, indexes too; autovacuum would come once 20 % are dead; ANALYZE between runs. Each subject and size has a database of its own on one PostgreSQL, which waits for no disk (fsync off) and is otherwise as it comes.",
  "Reader and inserter: one session each, 1 ms between queries, in a process of their own, as superuser. Waits for a lock are from the server's own log (log_lock_waits). Locks were watched in runs of their own, in a loop on pg_locks: held is from the look before to the look after.",
  "Simulated days pass in seconds, too fast for autovacuum: after each purge its rule (more than 50 and 20 % of the rows dead) is applied by hand, partition by partition. By created_at begins with the places that shorter windows have left, which nothing uses again.",
  "Fan-out: the number of partitions is what the longest window of each granularity takes, as far ahead as the product's job makes them; 200,000 rows, an index on (tenant_id, recorded_at).",
];

/** Our purge against what others do: time and locks by the table's size, size on disk over time, reads over partitions. */
export const purge: Bench = {
  summary: "expiry by DROP and by row against others' ways: seconds, locks, size on disk, reads over partitions",
  large: "tables of 10 million rows too, which takes minutes and some 15 GB of disk",
  async run(context): Promise<BenchReport> {
    const startMs = startOfTime(Date.now());
    const stage = await startPurgeStage(context);
    const traffic = startTraffic(context);
    const fanOut = await measureFanOut(stage, context, startMs);
    const growth = await measureGrowth(stage, context, startMs);
    const series = await measureExpiry(stage, traffic, context, startMs);
    return {
      tables: [
        speedTable(series, context),
        latencyTable(series, "inserts"),
        latencyTable(series, "reads"),
        locksTable(series),
        slowReaderTable(series),
        growthTable(growth),
        fanOutTable(fanOut),
      ],
      notes: [
        ...NOTES,
        `The job goes over every table of the product: a run that finds nothing takes ${number(growth.idleSeconds, 2)} s. A DROP costs the same whatever it drops.`,
      ],
      targets: [...expiryTargets(series), ...growthTargets(growth)],
      figures: { series: series.map(figuresOf), growth, fanOut },
    };
  },
};

/** With latencies summed up, of which there are thousands. */
function figuresOf({ before, during, ...figures }: Series): unknown {
  const summed = (values: Series["before"]) => ({ reads: latencies(values.reads), inserts: latencies(values.inserts) });
  return { ...figures, before: summed(before), during: summed(during) };
}
