import { randomUUID } from "node:crypto";
import type { AliveStage } from "./alive-stage.ts";
import type { BenchContext } from "./bench.ts";
import { untilArrived } from "./database.ts";
import { httpRequest, type LoadJob, type LoadResult } from "./load-job.ts";
import { ratios, type Spread, spread } from "./statistics.ts";

export const CONNECTIONS = 16;
const WARM_UP_S = 1.5;
/** What the first warm-up may use; the later runs know the rate and have half as much again. */
const FIRST_GUESS_PER_SECOND = 8_000;
const RESERVE = 1.5;

export const SUBJECTS = ["bare", "floor", "alive"] as const;
export type Subject = (typeof SUBJECTS)[number];

export const NAMES: Record<Subject, string> = {
  bare: "bare Hono route",
  floor: "durable floor",
  alive: "POST /instance/alive",
};

export interface SubjectFigures {
  requestsPerSecond: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
  /** CPU time of workerd a request: what a busy neighbour disturbs least. Null where the system does not tell. */
  cpuMicroseconds: Spread | null;
  requests: number;
}

interface RunResult extends LoadResult {
  cpuMicroseconds: number | null;
}

export interface Throughput {
  subjects: Record<Subject, SubjectFigures>;
  /** alive divided by floor, run by run. */
  aliveToFloor: Spread & { runs: number[] };
  bareToFloor: Spread & { runs: number[] };
  pings: number;
  /** Statements that Postgres was sent for those pings, until the journal had drained. */
  statements: number;
}

/**
 * Runs the three subjects in turn, in one workerd process, as fast as 16 connections go. Between two runs the gate's
 * journal drains, so that no flush falls into another subject's time; the flushes of its own fall into that of alive.
 */
export async function measureThroughput(stage: AliveStage, context: BenchContext): Promise<Throughput> {
  const { runs, seconds, signal, say } = context;
  const { database, load, pingers, ports } = stage;
  const home = await pingers.tenant(ports.product);
  const reserved: string[] = [];
  let perSecond = FIRST_GUESS_PER_SECOND;
  let pings = 0;
  let statements = 0;

  const timed = async (subject: Subject, job: LoadJob): Promise<RunResult> => {
    const before = stage.cpuMicroseconds();
    const result = await load.run(NAMES[subject], job);
    const after = stage.cpuMicroseconds();
    const used = before === null || after === null ? null : (after - before) / result.answered;
    return { ...result, cpuMicroseconds: used };
  };
  const alive = async (forSeconds: number): Promise<RunResult> => {
    const wanted = Math.ceil(perSecond * forSeconds) - reserved.length;
    if (wanted > 0) reserved.push(...(await pingers.pings(Array.from({ length: wanted }, () => home))));
    const job = { port: ports.product, connections: CONNECTIONS, requests: reserved };
    database.neon.resetStatements();
    const result = await timed("alive", { ...job, pace: { kind: "full", seconds: forSeconds } });
    reserved.splice(0, result.answered);
    stage.acknowledged += result.answered;
    await untilArrived(database, stage.acknowledged, signal);
    pings += result.answered;
    statements += database.neon.statements();
    perSecond = Math.ceil((result.answered / result.seconds) * RESERVE);
    return result;
  };
  const plain = (subject: "bare" | "floor", forSeconds: number) =>
    timed(subject, {
      port: ports.floor,
      connections: CONNECTIONS,
      requests: Array.from({ length: Math.ceil(60_000 * forSeconds) }, () =>
        subject === "bare" ? httpRequest("GET", "/bare") : httpRequest("POST", `/durable/${randomUUID()}`),
      ),
      pace: { kind: "full", seconds: forSeconds },
    });
  const measure = (subject: Subject, forSeconds: number) =>
    subject === "alive" ? alive(forSeconds) : plain(subject, forSeconds);

  say("Warming up …");
  for (const subject of SUBJECTS) await measure(subject, WARM_UP_S);
  pings = 0;
  statements = 0;
  const results: Record<Subject, RunResult[]> = { bare: [], floor: [], alive: [] };
  for (let run = 0; run < runs; run++) {
    // There and back: what slowly changes in the machine does not always hit the same subject.
    const order = run % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed();
    for (const subject of order) results[subject].push(await measure(subject, seconds));
    const rates = SUBJECTS.map((subject) => `${subject} ${Math.round(rateOf(results[subject].at(-1) as RunResult))}/s`);
    say(`Run ${run + 1} of ${runs}: ${rates.join(", ")}`);
  }
  const against = (subject: Subject) => {
    const each = ratios(results[subject].map(rateOf), results.floor.map(rateOf));
    return { ...spread(each), runs: each };
  };
  return {
    subjects: { bare: figuresOf(results.bare), floor: figuresOf(results.floor), alive: figuresOf(results.alive) },
    aliveToFloor: against("alive"),
    bareToFloor: against("bare"),
    pings,
    statements,
  };
}

function rateOf({ answered, seconds }: LoadResult): number {
  return answered / seconds;
}

function figuresOf(results: readonly RunResult[]): SubjectFigures {
  const cpu = results.map(({ cpuMicroseconds }) => cpuMicroseconds).filter((value) => value !== null);
  return {
    requestsPerSecond: spread(results.map(rateOf)),
    p50Ms: spread(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: spread(results.map(({ p99Ms }) => p99Ms)),
    cpuMicroseconds: cpu.length === results.length ? spread(cpu) : null,
    requests: results.reduce((sum, { answered }) => sum + answered, 0),
  };
}
