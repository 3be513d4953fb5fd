import type { purgeReceipt } from "../privacy/purge-receipt.ts";

/** What one run of the purge did to all tables, as its receipts have it. */
export interface LastRun {
  /** A uuid, in every receipt of the run. */
  run: string;
  /** ms since 1970, of the first table and of the last. */
  beganAt: number;
  endedAt: number;
  tables: number;
  deleted: number;
  anonymised: number;
  /** Tables of which not everything due is gone: an error, no time left, or a run that died. */
  unfinished: string[];
}

/** The members of `purgeReceipt`'s text that a run is summed up from. */
interface Told {
  table: string;
  began_at: string;
  ended_at: string;
  deleted: number;
  anonymised: number;
  finished: boolean;
}

/** Sums up the receipts of one run; null without any. `purgeReceipt` is what wrote them. */
export function lastRunFrom(
  rows: readonly { runId: string; receipt: ReturnType<typeof purgeReceipt> }[],
): LastRun | null {
  const [first] = rows;
  if (first === undefined) return null;
  const told = rows.map(({ receipt }) => JSON.parse(receipt) as Told);
  return {
    run: first.runId,
    beganAt: Math.min(...told.map(({ began_at }) => Date.parse(began_at))),
    endedAt: Math.max(...told.map(({ ended_at }) => Date.parse(ended_at))),
    tables: told.length,
    deleted: told.reduce((sum, { deleted }) => sum + deleted, 0),
    anonymised: told.reduce((sum, { anonymised }) => sum + anonymised, 0),
    unfinished: told.filter(({ finished }) => !finished).map(({ table }) => table),
  };
}
