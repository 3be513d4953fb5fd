/** What the counting Worker has seen since it started. */
export interface WorkerCounts {
  /** Methods called on stubs of Durable Objects. */
  calls: number;
  /** Alarms that went off. */
  alarms: number;
}

/** Where the counting Worker tells its counts; everything else goes to the product. */
export const COUNTS_PATH = "/bench/counts";
