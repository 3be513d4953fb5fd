import { TERMS } from "./terms.ts";
import { WatchedObject } from "./watched-object.ts";

interface Counters {
  /** Number of the cell since the epoch. */
  cell: number;
  current: number;
  previous: number;
}

/**
 * The sliding window of two counters, from its description: time is cut into cells of one window; what was admitted in
 * the cell before counts by the share of it that the trailing window still covers. Only what is admitted is counted, as
 * Upstash and Unkey do. Its state is in storage, written with every admission.
 */
export class TwoCounterObject extends WatchedObject {
  async take(): Promise<boolean> {
    const windowMs = TERMS.windowS * 1000;
    const now = Date.now();
    const cell = Math.floor(now / windowMs);
    const stored = (await this.ctx.storage.get<Counters>("counters")) ?? { cell, current: 0, previous: 0 };
    const current = stored.cell === cell ? stored.current : 0;
    const previous = stored.cell === cell ? stored.previous : stored.cell === cell - 1 ? stored.current : 0;
    const covered = 1 - (now - cell * windowMs) / windowMs;
    if (Math.floor(previous * covered) + current >= TERMS.limit) return false;
    await this.ctx.storage.put<Counters>("counters", { cell, current: current + 1, previous });
    return true;
  }
}
