import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { number, type Table } from "../table.ts";
import { judge, type Verdict } from "./oracle.ts";
import { type LimitsStage, TRACE_TERMS } from "./stage.ts";
import { NAMES, PEERS, SUBJECTS, type Subject } from "./terms.ts";
import { type Trace, traces } from "./traces.ts";

export interface Replayed {
  trace: Trace;
  bySubject: Record<Subject, { verdict: Verdict; admitted: readonly boolean[] }>;
}

/** Replays every trace against everyone. Times are simulated: the same comes out of it every time. */
export async function measureCorrectness(stage: LimitsStage, { say }: BenchContext): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  for (const trace of traces(TRACE_TERMS)) {
    say(`${trace.name}: ${number(trace.arrivals.length)} arrivals for each …`);
    const { name: run, arrivals, restartBefore } = trace;
    const bySubject: Partial<Replayed["bySubject"]> = {};
    for (const subject of SUBJECTS) {
      const result = await stage.replay("traces", { subject, run, arrivals, restartBefore });
      const admitted = Array.from(result.admitted, (each) => each === "1");
      if (admitted.length !== arrivals.length) throw new StartFailure(`${run}: ${NAMES[subject]} has not decided all.`);
      bySubject[subject] = { verdict: judge(arrivals, admitted, TRACE_TERMS), admitted };
    }
    replayed.push({ trace, bySubject: bySubject as Replayed["bySubject"] });
  }
  return replayed;
}

export function correctnessTables(replayed: readonly Replayed[]): Table[] {
  const { limit, windowS } = TRACE_TERMS;
  const table = (title: string, figure: (verdict: Verdict) => number): Table => ({
    title,
    head: ["", ...SUBJECTS.map((subject) => SHORT[subject])],
    rows: replayed.map(({ trace, bySubject }) => [
      trace.name,
      ...SUBJECTS.map((subject) => number(figure(bySubject[subject].verdict))),
    ]),
  });
  return [
    table(`Most admitted in any window of ${windowS} s (limit ${limit})`, ({ most }) => most),
    table("Wrongly admitted: the window already held the limit", ({ wronglyAdmitted }) => wronglyAdmitted),
    table("Wrongly denied: it did not", ({ wronglyDenied }) => wronglyDenied),
  ];
}

/** Column heads: the full names are in the other tables. */
const SHORT: Record<Subject, string> = {
  ours: "ours",
  flexible: "r-l-flexible",
  hono: "hono-r-l DO",
  binding: "binding",
  "two-counter": "2 counters",
  bucket: "DO bucket",
  spacing: "DO next-time",
};

/** Admissions wrongly given and wrongly refused on the traces without a restart. */
export function wrongs(replayed: readonly Replayed[], subject: Subject): { admitted: number; denied: number } {
  const verdicts = replayed
    .filter(({ trace }) => trace.restartBefore === null)
    .map(({ bySubject }) => bySubject[subject].verdict);
  return {
    admitted: verdicts.reduce((sum, { wronglyAdmitted }) => sum + wronglyAdmitted, 0),
    denied: verdicts.reduce((sum, { wronglyDenied }) => sum + wronglyDenied, 0),
  };
}

/** Peers that were right on every trace. */
export function faultless(replayed: readonly Replayed[]): Subject[] {
  return PEERS.filter((peer) => {
    const { admitted, denied } = wrongs(replayed, peer);
    return admitted + denied === 0;
  });
}
