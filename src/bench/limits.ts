import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT } from "../local/paths.ts";
import type { Bench, BenchReport } from "./bench.ts";
import { correctnessTables, measureCorrectness, type Replayed } from "./limits/correctness.ts";
import { cpuTable, measureCpu } from "./limits/cpu.ts";
import { insideTable, measureInsideSpeed } from "./limits/inside-speed.ts";
import { picture } from "./limits/picture.ts";
import { measureRpcSpeed, speedTable } from "./limits/rpc-speed.ts";
import { startLimitsStage } from "./limits/stage.ts";
import { correctnessTargets, cpuTargets, speedTargets } from "./limits/targets.ts";
import { NAMES, SUBJECTS } from "./limits/terms.ts";
import { countWrites } from "./limits/writes.ts";

const PICTURE = "docs/limits.svg";

const NOTES = [
  "Everyone is judged by what they themselves admitted in the window before, counted one by one. Traces have 24 windows of simulated time; all meet the same arrivals.",
  "rate-limiter-flexible: its memory store, in a Durable Object. hono-rate-limiter: the store of @hono-rate-limiter/cloudflare with its object. Binding: Miniflare's code, in this workerd.",
  "Two counters and both in-memory objects are ours, from descriptions; those keep nothing: 10 s of quiet or a deployment resets them, as in the last row. Next allowed time moves on with refused calls too, as described.",
  "Rows written are counted as Cloudflare bills them: SQL rows and index entries, KV entries, alarms set; ours with three policies at once and its rows forgotten again, the others with one.",
  "RPC: one Worker, one object, one process, a fresh object each run; ours answers a whole Decision of three policies, everyone else a boolean. A decision inside the object counts once storage.sync() has made what it rests on durable, on the local disk here.",
];

/** Our limits against those that people use: right or wrong on seven traces, how fast, and how many rows they write. */
export const limits: Bench = {
  summary: "our limits against others': wrongly admitted, wrongly denied, decisions/s, rows written",
  async run(context): Promise<BenchReport> {
    // Before workerd is there to disturb it.
    const cpu = await measureCpu(context);
    const stage = await startLimitsStage(context);
    const replayed = await measureCorrectness(stage, context);
    await writeFile(join(PROJECT, PICTURE), picture(replayed));
    const writes = await countWrites(stage, context);
    const inside = await measureInsideSpeed(stage, context);
    const rpc = await measureRpcSpeed(stage, context);
    return {
      tables: [
        ...correctnessTables(replayed),
        speedTable(rpc, writes, context),
        insideTable(inside, context),
        cpuTable(cpu),
      ],
      notes: [...NOTES, `The picture of it is ${PICTURE}.`],
      targets: [...correctnessTargets(replayed), ...speedTargets(inside, rpc), ...cpuTargets(cpu)],
      figures: { traces: verdicts(replayed), writes, inside, rpc: rpc.perSecond, cpu },
    };
  },
};

function verdicts(replayed: readonly Replayed[]): unknown {
  const named = replayed.map(({ trace, bySubject }) => [
    trace.name,
    Object.fromEntries(SUBJECTS.map((subject) => [NAMES[subject], bySubject[subject].verdict])),
  ]);
  return Object.fromEntries(named);
}
