import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { type Spread, spread } from "../statistics.ts";
import { number, type Table } from "../table.ts";
import { IN_FLIGHT } from "./rpc-speed.ts";
import { type LimitsStage, SPEED_POLICIES, SPEED_TERMS } from "./stage.ts";
import { BEGIN_MS } from "./traces.ts";
import { STEP_MS } from "./writes.ts";

/** Longer than a window: each run meets logs that are as full as they get. */
const DECISIONS = 200_000;

/** Durable decisions a second inside our own object, by how many are in flight. */
export type InsideSpeed = Record<(typeof IN_FLIGHT)[number], Spread>;

/**
 * Timed from outside over the whole batch, as a Worker's clock stands still while it computes. The time that the
 * decisions are told is simulated: in real time the limit would be used up in a moment, and refusals are cheaper.
 */
export async function measureInsideSpeed(stage: LimitsStage, { runs, say }: BenchContext): Promise<InsideSpeed> {
  say(`Inside one object: ${number(DECISIONS)} durable decisions a run …`);
  const speed: Partial<InsideSpeed> = {};
  for (const inFlight of IN_FLIGHT) {
    const rates: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const beginMs = BEGIN_MS + Math.ceil(run * DECISIONS * STEP_MS);
      const job = { run: `inside at ${inFlight}`, decisions: DECISIONS, inFlight, beginMs, stepMs: STEP_MS };
      const { admitted, seconds } = await stage.inside(job);
      if (admitted !== DECISIONS) throw new StartFailure("Ours refused what is within its limit.");
      // The first fills the window and warms up.
      if (run > 0) rates.push(DECISIONS / seconds);
    }
    speed[inFlight] = spread(rates);
  }
  return speed as InsideSpeed;
}

export function insideTable(speed: InsideSpeed, { runs }: { runs: number }): Table {
  return {
    title: `Durable decisions inside one object: limit ${number(SPEED_TERMS.limit)}, ${SPEED_POLICIES.length} policies, ${runs} runs of ${number(DECISIONS)}`,
    head: ["", "median, /s", "min", "max"],
    rows: IN_FLIGHT.map((inFlight) => {
      const { median, min, max } = speed[inFlight];
      return [`${inFlight} in flight`, ...[median, min, max].map((value) => number(value))];
    }),
  };
}
