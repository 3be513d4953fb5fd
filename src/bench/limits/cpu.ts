import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Limiter } from "../../limits/limiter.ts";
import type { Policy } from "../../limits/policy.ts";
import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { median } from "../statistics.ts";
import { number, type Table } from "../table.ts";
import { applicationsOf } from "./policies.ts";
import { SPEED_POLICIES, SPEED_TERMS } from "./stage.ts";
import { BEGIN_MS } from "./traces.ts";

/** What a decision costs our limiter alone, without object, storage or call. */
export interface Cpu {
  name: string;
  microseconds: number;
  /** Held in memory for each admission that is counted: in arrays, and with all objects around them. */
  stampBytes: number;
  allBytes: number;
}

const DECISIONS = 300_000;
const REPEATS = 5;
/** Held at once, in as many limiters as it takes, to see what one takes: what else Node holds does not show. */
const ADMISSIONS = 1_000_000;
/** Steady demand near the limit: windows are full, and with every decision about one admission leaves. */
const LOAD = 0.95;

const one = (limit: number): [name: string, policies: readonly Policy[]] => [
  `limit ${number(limit)}`,
  [{ name: "tenant", scope: "tenant", limit, windowS: 60 }],
];
const SETTINGS = [
  ...[1_000, 10_000, 100_000].map(one),
  [`${SPEED_POLICIES.length} policies of ${number(SPEED_TERMS.limit)}`, SPEED_POLICIES] as const,
];

/** In Node, as a Worker's clock stands still while it computes: the same engine and code as in workerd. */
export async function measureCpu({ say }: BenchContext): Promise<Cpu[]> {
  say("CPU and memory of a decision …");
  const measured: Cpu[] = [];
  for (const [name, policies] of SETTINGS) {
    const stepMs = Math.max(...policies.map(({ limit, windowS }) => (Number(windowS) * 1000) / limit)) / LOAD;
    measured.push({
      name,
      ...(await bytesHeld(policies, stepMs)),
      microseconds: microsecondsOf(policies, stepMs),
    });
  }
  return measured;
}

export function cpuTable(cpu: readonly Cpu[]): Table {
  return {
    title: "Our limiter alone, in Node: a decision, and an admission held",
    head: ["", "µs/decision", "bytes/admission in stamps", "in all"],
    rows: cpu.map(({ name, microseconds, stampBytes, allBytes }) => [
      name,
      number(microseconds, 3),
      number(stampBytes, 2),
      number(allBytes, 2),
    ]),
  };
}

function microsecondsOf(policies: readonly Policy[], stepMs: number): number {
  const applications = applicationsOf(policies);
  const times: number[] = [];
  const limiter = new Limiter(() => []);
  let decided = 0;
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const begin = performance.now();
    for (let n = 0; n < DECISIONS; n++) {
      if (!limiter.take(applications, BEGIN_MS + Math.floor(decided * stepMs)).decision.admitted) {
        throw new StartFailure("Ours refused what is within its limit.");
      }
      decided += 1;
    }
    // The first fills the window and warms up.
    if (repeat > 0) times.push(((performance.now() - begin) * 1_000) / DECISIONS);
  }
  return median(times);
}

/** Of limiters whose windows are full, in bytes for each admission that they count. */
async function bytesHeld(policies: readonly Policy[], stepMs: number): Promise<Omit<Cpu, "name" | "microseconds">> {
  const applications = applicationsOf(policies);
  const longestMs = Math.max(...policies.map(({ windowS }) => Number(windowS) * 1000));
  const held = policies.reduce((sum, { windowS }) => sum + (Number(windowS) * 1000) / stepMs, 0);
  const count = Math.ceil(ADMISSIONS / held);
  const filled = () => {
    const limiter = new Limiter(() => []);
    for (let at = 0; at < 2 * longestMs; at += stepMs) limiter.take(applications, BEGIN_MS + Math.floor(at));
    return limiter;
  };
  const before = await memoryUsed();
  const limiters = Array.from({ length: count }, filled);
  const after = await memoryUsed();
  const stamps = after.arrayBuffers - before.arrayBuffers;
  const all = stamps + after.heapUsed - before.heapUsed;
  return { stampBytes: stamps / (held * limiters.length), allBytes: all / (held * limiters.length) };
}

/** Once all garbage is gone: V8 frees arrays in the background, after the collection that found them. */
async function memoryUsed(): Promise<NodeJS.MemoryUsage> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    collect();
    await delay(50);
  }
  return process.memoryUsage();
}
