import type { Bench, BenchReport, Target } from "./bench.ts";
import { startKeysStage } from "./keys/stage.ts";
import { type KeysThroughput, keysTable, measureKeys, ofOther, statementsOf } from "./keys/throughput.ts";
import { number } from "./table.ts";

const WARM_OF_PUBLIC = 0.6;
const WARM_OF_BARE = 0.1;
const COLD_OF_WARM = 0.05;

/** What it costs to prove a key, when its gate knows it and when nobody does. */
export const keys: Bench = {
  summary: "an authenticated call with a known and with an unused API key, against a public and a bare route",
  async run(context): Promise<BenchReport> {
    const stage = await startKeysStage(context);
    const measured = await measureKeys(stage, context);
    return {
      tables: [keysTable(measured, context)],
      notes: [
        "All in one workerd process. The bare route is Hono alone; the public one is counted by network at a gate, as the other two are by key: 200 networks and 200 keys take turns, all at one gate, under the limits of production.",
        "Cold: every request has another key, which nobody has used before: a look-up that writes the hour of its use, and a second call that teaches the gate. PostgreSQL and the Neon endpoint share the machine.",
        "Every request was answered 2xx. Statements are counted at the Neon endpoint.",
      ],
      targets: targets(measured),
      figures: { keys: measured.runs },
    };
  },
};

function targets(measured: KeysThroughput): Target[] {
  const warm = statementsOf(measured, "warm");
  const cold = statementsOf(measured, "cold");
  const atLeast = (
    what: string,
    subject: "warm" | "cold",
    other: "public" | "bare" | "warm",
    least: number,
  ): Target => {
    const { median } = ofOther(measured, subject, other);
    return { sentence: `${what} at ${number(median, 2)} (at least ${least})`, met: median >= least };
  };
  return [
    {
      sentence: `${number(warm.statements)} statements for ${number(warm.answered)} requests with a known key (none)`,
      met: warm.statements === 0,
    },
    {
      sentence: `${number(cold.statements)} statements for ${number(cold.answered)} requests with an unused key (one each)`,
      met: cold.statements === cold.answered,
    },
    atLeast("a known key against the public route:", "warm", "public", WARM_OF_PUBLIC),
    atLeast("a known key against the bare route:", "warm", "bare", WARM_OF_BARE),
    atLeast("an unused key against a known one:", "cold", "warm", COLD_OF_WARM),
  ];
}
