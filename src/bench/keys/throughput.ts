import { platformGateId } from "../../gate/platform.ts";
import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { httpRequest, type LoadResult } from "../load-job.ts";
import { ratios, type Spread, spread } from "../statistics.ts";
import { number, type Table } from "../table.ts";
import type { KeysStage } from "./stage.ts";

export const CONNECTIONS = 16;
const WARM_UP_S = 1.5;
/** More than any subject answers in a second; what is not used is not sent. */
const MOST_PER_SECOND = 30_000;
/** What cold ones are expected to reach at first; later runs know the rate. */
const COLD_GUESS = 1_500;
const RESERVE = 1.6;
/** Keys, and networks, that take turns: each is admitted 600 calls a minute, and written down as such. */
const CALLERS = 200;

export const SUBJECTS = ["bare", "public", "warm", "cold"] as const;
export type Subject = (typeof SUBJECTS)[number];
export const NAMES: Record<Subject, string> = {
  bare: "bare Hono route",
  public: "GET /.well-known/jwks.json",
  warm: "GET /api/v1/user, key known",
  cold: "GET /api/v1/user, key never used",
};

interface Run extends LoadResult {
  cpuMicroseconds: number | null;
  statements: number;
}

export interface KeysThroughput {
  runs: Record<Subject, Run[]>;
}

/** The four subjects in turn, in one workerd process, as fast as 16 connections go. */
export async function measureKeys(stage: KeysStage, context: BenchContext): Promise<KeysThroughput> {
  const { runs, seconds, say } = context;
  const known = await stage.newKeys(CALLERS);
  const unused: string[] = [];
  let coldPerSecond = COLD_GUESS;
  const repeated = (count: number, request: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => request(n));
  const user = (key: string) => httpRequest("GET", "/api/v1/user", { bearer: key });
  const addresses = addressesOfOneGate();
  const fromNetwork = (n: number) => {
    const headers = { "cf-connecting-ip": addresses[n % CALLERS] as string };
    return httpRequest("GET", "/.well-known/jwks.json", { headers });
  };

  const requestsOf = async (subject: Subject, forSeconds: number): Promise<string[]> => {
    const most = Math.ceil(MOST_PER_SECOND * forSeconds);
    if (subject === "bare") return repeated(most, () => httpRequest("GET", "/bare"));
    if (subject === "public") return repeated(most, fromNetwork);
    if (subject === "warm") return repeated(most, (n) => user(known[n % CALLERS] as string));
    const missing = Math.ceil(coldPerSecond * forSeconds) - unused.length;
    if (missing > 0) unused.push(...(await stage.newKeys(missing)));
    return unused.map(user);
  };
  const measure = async (subject: Subject, forSeconds: number): Promise<Run> => {
    const requests = await requestsOf(subject, forSeconds);
    const port = subject === "bare" ? stage.ports.floor : stage.ports.product;
    // What others had the gate forget is looked up before the clock runs.
    if (subject === "warm") {
      const once = known.map(user);
      await stage.load.run(NAMES.warm, { port, connections: 1, requests: once, pace: { kind: "full", seconds: 60 } });
    }
    stage.database.neon.resetStatements();
    const before = stage.cpuMicroseconds();
    const job = { port, connections: CONNECTIONS, requests, pace: { kind: "full", seconds: forSeconds } as const };
    const result = await stage.load.run(NAMES[subject], job);
    const after = stage.cpuMicroseconds();
    const statements = stage.database.neon.statements();
    if (result.answered === requests.length) {
      // Nobody knows how fast it would have gone on; the next has more.
      if (subject !== "cold") throw new StartFailure(`${NAMES[subject]}: there were too few requests.`);
    }
    if (subject === "cold") {
      unused.splice(0, result.answered);
      coldPerSecond = Math.ceil((result.answered / result.seconds) * RESERVE);
    }
    const cpu = before === null || after === null ? null : (after - before) / result.answered;
    return { ...result, cpuMicroseconds: cpu, statements };
  };

  say("Warming up …");
  for (const subject of SUBJECTS) await measure(subject, WARM_UP_S);
  const results: Record<Subject, Run[]> = { bare: [], public: [], warm: [], cold: [] };
  for (let run = 0; run < runs; run++) {
    // There and back: what slowly changes in the machine does not always hit the same subject.
    const order = run % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed();
    for (const subject of order) results[subject].push(await measure(subject, seconds));
    const rates = SUBJECTS.map((subject) => `${subject} ${number(rateOf(results[subject].at(-1) as Run))}/s`);
    say(`Run ${run + 1} of ${runs}: ${rates.join(", ")}`);
  }
  return { runs: results };
}

/** One address each in networks that one gate counts, as one gate counts the keys. */
function addressesOfOneGate(): string[] {
  const gate = platformGateId("10.0.0.0/24");
  const prefixes = Array.from({ length: 65_536 }, (_, n) => `10.${n >> 8}.${n & 255}`);
  return prefixes
    .filter((prefix) => platformGateId(`${prefix}.0/24`) === gate)
    .slice(0, CALLERS)
    .map((prefix) => `${prefix}.1`);
}

const rateOf = ({ answered, seconds }: LoadResult) => answered / seconds;

/** One subject's rate divided by another's, run by run. */
export function ofOther({ runs }: KeysThroughput, subject: Subject, other: Subject): Spread {
  return spread(ratios(runs[subject].map(rateOf), runs[other].map(rateOf)));
}

/** Statements that Postgres was sent for each request, over all runs. */
export function statementsOf({ runs }: KeysThroughput, subject: Subject): { statements: number; answered: number } {
  const sum = (of: (run: Run) => number) => runs[subject].reduce((total, run) => total + of(run), 0);
  return { statements: sum(({ statements }) => statements), answered: sum(({ answered }) => answered) };
}

export function keysTable(measured: KeysThroughput, { runs, seconds }: { runs: number; seconds: number }): Table {
  return {
    title: `Proving a key: ${runs} runs of ${seconds} s each, interleaved, ${CONNECTIONS} connections`,
    head: ["", "req/s", "min", "max", "p50 ms", "p99 ms", "CPU µs/req", "of bare", "of public", "statements/req"],
    rows: SUBJECTS.map((subject) => {
      const own = measured.runs[subject];
      const middle = (of: (run: Run) => number) => spread(own.map(of)).median;
      const rate = spread(own.map(rateOf));
      const cpu = own.some(({ cpuMicroseconds }) => cpuMicroseconds === null)
        ? "–"
        : number(middle((run) => run.cpuMicroseconds ?? 0));
      const { statements, answered } = statementsOf(measured, subject);
      return [
        NAMES[subject],
        ...[rate.median, rate.min, rate.max].map((value) => number(value)),
        number(
          middle(({ p50Ms }) => p50Ms),
          2,
        ),
        number(
          middle(({ p99Ms }) => p99Ms),
          2,
        ),
        cpu,
        number(ofOther(measured, subject, "bare").median, 2),
        number(ofOther(measured, subject, "public").median, 2),
        number(statements / answered, 3),
      ];
    }),
  };
}
