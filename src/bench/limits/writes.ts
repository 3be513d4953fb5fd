import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { type LimitsStage, SPEED_TERMS } from "./stage.ts";
import { NAMES, PEERS, type Subject } from "./terms.ts";
import { BEGIN_MS } from "./traces.ts";

/** Rows written, as Cloudflare bills them, for each decision. */
export type WritesPerDecision = Record<Subject, number>;

/** Steady demand, at this part of the limit: everything is admitted. */
export const LOAD = 0.9;
export const STEP_MS = (SPEED_TERMS.windowS * 1000) / (SPEED_TERMS.limit * LOAD);
const DECISIONS = 20_000;
/** So many windows that ours also forgets rows, which is billed too. */
const OURS = 4 * SPEED_TERMS.limit;

/** Counted under simulated time, so exact; ours with three policies at once, the others with one. */
export async function countWrites(stage: LimitsStage, { say }: BenchContext): Promise<WritesPerDecision> {
  say("Counting the rows that a decision writes …");
  const counted: Partial<WritesPerDecision> = {};
  const inside = { run: "writes", decisions: OURS, inFlight: 1, beginMs: BEGIN_MS, stepMs: STEP_MS };
  const ours = await stage.countInside(inside);
  if (ours.admitted !== OURS) throw new StartFailure("Ours refused what is within its limit.");
  counted.ours = ours.writes / OURS;
  const arrivals = Array.from({ length: DECISIONS }, (_, n) => BEGIN_MS + Math.floor(n * STEP_MS));
  for (const subject of PEERS) {
    const { admitted, writes } = await stage.replay("speed", { subject, run: "writes", arrivals, restartBefore: null });
    if (admitted.includes("0")) throw new StartFailure(`${NAMES[subject]} refused what is within its limit.`);
    counted[subject] = writes / DECISIONS;
  }
  return counted as WritesPerDecision;
}
