import { makeOurPartitions, OUR_TABLES, runOurPartitions, runOurPurge } from "./ours.ts";
import { DELETE_DUE, deleteInBatches, deleteOfTenants, makePartitioned, makePlain } from "./peers.ts";
import { lastPingExpiry } from "./rows.ts";
import type { StageDatabase } from "./stage.ts";
import { SHAPES, type Subject } from "./terms.ts";
import { now } from "./traffic-job.ts";

/** What one expiry did to one table. */
export interface Expired {
  deleted: number;
  /** Time of its statements, together. */
  seconds: number;
  /** From its first statement to its last, in ms by `now()`. */
  from: number;
  to: number;
  /** How often a lock did not come in time and was asked for again. */
  retries: number;
}

/** How somebody keeps rows and expires them. */
export interface Keeping {
  table: string;
  /** Makes the table as it is when simulated time begins, and empty. */
  make(database: StageDatabase, startMs: number, allRuns: number): Promise<void>;
  /** What else runs on schedule, before an expiry and apart from it. */
  prepare(database: StageDatabase, nowMs: number): Promise<void>;
  /** Expires what is due at this instant, to which the database's clock has been set. */
  expire(database: StageDatabase, nowMs: number): Promise<Expired>;
}

const nothing = async () => undefined;

export const KEEPING: Record<Subject, Keeping> = {
  dropped: ours("dropped"),
  "by-row": ours("by-row"),
  plain: {
    table: "bench.executions",
    make: (database) => makePlain(database, "executions"),
    prepare: nothing,
    expire: timed((database, nowMs) => database.change(DELETE_DUE("bench.executions"), [new Date(nowMs)])),
  },
  batched: {
    table: "bench.executions",
    make: (database) => makePlain(database, "executions"),
    prepare: nothing,
    expire: timed((database, nowMs) => deleteInBatches(database, "bench.executions", nowMs)),
  },
  created: {
    table: "bench.by_created",
    make: (database, startMs) => makePartitioned(database, "bench.by_created", startMs),
    prepare: nothing,
    expire: timed((database, nowMs) => deleteOfTenants(database, "bench.by_created", nowMs)),
  },
};

function ours(subject: "dropped" | "by-row"): Keeping {
  const shape = SHAPES[subject];
  return {
    table: OUR_TABLES[shape],
    async make(database, startMs, allRuns) {
      await database.setClock(startMs);
      const last =
        shape === "pings"
          ? lastPingExpiry(startMs, allRuns)
          : Date.UTC(new Date(startMs).getUTCFullYear() + 2, new Date(startMs).getUTCMonth() + 1);
      await makeOurPartitions(database, shape, startMs, last);
      await runOurPartitions(database, startMs);
      // Between today and the begin of simulated time partitions have expired, with nothing in them.
      await runOurPurge(database, startMs);
    },
    prepare: runOurPartitions,
    expire: async (database, nowMs) => (await runOurPurge(database, nowMs)).tables[shape],
  };
}

function timed(expire: (database: StageDatabase, nowMs: number) => Promise<number>): Keeping["expire"] {
  return async (database, nowMs) => {
    const from = now();
    const deleted = await expire(database, nowMs);
    const to = now();
    return { deleted, seconds: (to - from) / 1_000, from, to, retries: 0 };
  };
}
