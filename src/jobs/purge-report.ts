import type { Deps } from "../deps.ts";
import type { PurgeFacts } from "../privacy/purge-receipt.ts";

export type PurgeDeps = Pick<Deps, "purge" | "clock" | "logger" | "random" | "pause">;

/** What a run did to one table: its receipt's facts, or as far as that is known where none could be written. */
export interface TableReport extends Omit<PurgeFacts, "id" | "run"> {
  table: string;
  /** Whether its receipt was written. */
  receipt: boolean;
}

export interface PurgeReport {
  /** A uuid, in every receipt of the run. */
  run: string;
  startedAtMs: number;
  finishedAtMs: number;
  tables: TableReport[];
  /** Tables of earlier runs that died, whose receipts this one has written. */
  abandoned: number;
}
