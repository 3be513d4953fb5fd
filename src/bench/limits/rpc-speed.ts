import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { median, ratios, type Spread, spread } from "../statistics.ts";
import { number, type Table } from "../table.ts";
import { type LimitsStage, SPEED_TERMS } from "./stage.ts";
import { BARE, type Caller, NAMES, SUBJECTS } from "./terms.ts";
import type { WritesPerDecision } from "./writes.ts";

export const IN_FLIGHT = [1, 32] as const;
type InFlight = (typeof IN_FLIGHT)[number];
const CALLERS: readonly Caller[] = [...BARE, ...SUBJECTS];

/** Part of `--seconds` that one run of one caller at one concurrency takes: nine callers take turns. */
const SHARE = 1 / 3;
const WARM_UP_CALLS = 3_000;
/** Before the clock runs: the object is made, its tables are, and its code is warm. */
const FIRST_CALLS = 200;
/** Less than the limit: everything timed is admitted. */
const MOST_CALLS = SPEED_TERMS.limit * 0.9;

export interface RpcSpeed {
  /** Decisions a second of every run, by caller and concurrency. */
  perSecond: Record<Caller, Record<InFlight, number[]>>;
}

/** A Worker calls an object, everyone in turn in one workerd process; each run has a fresh object. */
export async function measureRpcSpeed(stage: LimitsStage, context: BenchContext): Promise<RpcSpeed> {
  const { seconds, runs, say } = context;
  const call = async (caller: Caller, inFlight: InFlight, run: string, calls: number): Promise<number> => {
    const made = { caller, run: `${run} at ${inFlight}`, inFlight };
    await stage.call({ ...made, calls: FIRST_CALLS });
    const result = await stage.call({ ...made, calls });
    if (result.admitted !== calls) throw new StartFailure(`${NAMES[caller]} refused what is within its limit.`);
    return calls / result.seconds;
  };
  const perSecond = Object.fromEntries(
    CALLERS.map((caller) => [caller, { 1: [], 32: [] } as Record<InFlight, number[]>]),
  ) as RpcSpeed["perSecond"];
  say("Calls through RPC: warming up …");
  const guesses = new Map<string, number>();
  for (const caller of CALLERS) {
    for (const inFlight of IN_FLIGHT) {
      guesses.set(`${caller} ${inFlight}`, await call(caller, inFlight, "warm-up", WARM_UP_CALLS));
    }
  }
  for (let run = 0; run < runs; run++) {
    // There and back: what slowly changes in the machine does not always hit the same caller.
    const order = run % 2 === 0 ? CALLERS : CALLERS.toReversed();
    for (const inFlight of IN_FLIGHT) {
      for (const caller of order) {
        const guess = guesses.get(`${caller} ${inFlight}`) as number;
        const calls = Math.max(FIRST_CALLS, Math.min(MOST_CALLS, Math.ceil(guess * seconds * SHARE)));
        perSecond[caller][inFlight].push(await call(caller, inFlight, `run ${run}`, calls));
      }
    }
    const rates = CALLERS.map((caller) => `${caller} ${number(perSecond[caller][32].at(-1) as number)}/s`);
    say(`Run ${run + 1} of ${runs}: ${rates.join(", ")}`);
  }
  return { perSecond };
}

/** One caller's rate divided by another's, run by run. */
export function ofOther({ perSecond }: RpcSpeed, caller: Caller, other: Caller, inFlight: InFlight): Spread {
  return spread(ratios(perSecond[caller][inFlight], perSecond[other][inFlight]));
}

export function speedTable(speed: RpcSpeed, writes: WritesPerDecision, { runs }: { runs: number }): Table {
  return {
    title: `Decisions through RPC, limit ${number(SPEED_TERMS.limit)}: median of ${runs} interleaved runs`,
    head: ["", "1 in flight, /s", "of bare", "32 in flight, /s", "of bare", "min", "max", "rows written/decision"],
    rows: CALLERS.map((caller) => {
      const { 1: alone, 32: many } = speed.perSecond[caller];
      const { min, median: middle, max } = ofOther(speed, caller, "bare", 32);
      return [
        NAMES[caller],
        number(median(alone)),
        number(ofOther(speed, caller, "bare", 1).median, 2),
        number(median(many)),
        ...[middle, min, max].map((value) => number(value, 2)),
        caller in writes ? number(writes[caller as keyof typeof writes], 4) : "–",
      ];
    }),
  };
}
