import { measureManyTenants, measurePaced, PACE_PER_SECOND, type PingCosts } from "./alive-counts.ts";
import { startAliveStage } from "./alive-stage.ts";
import { CONNECTIONS, measureThroughput, NAMES, SUBJECTS, type Throughput } from "./alive-throughput.ts";
import type { Bench, BenchReport, Target } from "./bench.ts";
import { number, type Table } from "./table.ts";

const LEAST_OF_FLOOR = 0.6;
const MOST_STATEMENTS = 0.01;

/** What a ping costs: against a bare route and against the least that any durable ping costs. */
export const alive: Bench = {
  summary: "a ping against the floor of any durable ping; what it costs in calls, statements and alarms",
  async run(context): Promise<BenchReport> {
    const stage = await startAliveStage(context);
    const throughput = await measureThroughput(stage, context);
    const paced = await measurePaced(stage, context);
    const manyTenants = await measureManyTenants(stage, context);
    return {
      tables: [speedTable(throughput, context), costTable(throughput, paced, manyTenants)],
      notes: [
        "Floor: the same Hono and RPC to one Durable Object with one INSERT (src/bench/floor-worker.ts), in the same workerd process.",
        "CPU is of the workerd process alone; its neighbours in the run were PostgreSQL, the Neon endpoint and the load process.",
        "Every ping is a distinct (instance, bucket) with a token of its own; every request was answered 2xx.",
        "Calls and alarms are counted by a wrapper around the namespace binding and the class, in runs of their own, which no timing comes from.",
        `Rows: ${number(stage.acknowledged)} pings were acknowledged in all, warm-up included, and as many rows are in Postgres.`,
      ],
      targets: targets(throughput, paced),
      figures: { throughput, paced, manyTenants, acknowledged: stage.acknowledged, connections: CONNECTIONS },
    };
  },
};

function speedTable(
  { subjects, aliveToFloor, bareToFloor }: Throughput,
  options: { runs: number; seconds: number },
): Table {
  const ofFloor = { bare: bareToFloor, floor: { min: 1, median: 1, max: 1 }, alive: aliveToFloor };
  return {
    title: `Speed: ${options.runs} runs of ${options.seconds} s each, interleaved, ${CONNECTIONS} connections`,
    head: ["", "req/s median", "min", "max", "p50 ms", "p99 ms", "CPU µs/req", "of the floor", "min", "max"],
    rows: SUBJECTS.map((subject) => {
      const { requestsPerSecond: rate, p50Ms, p99Ms, cpuMicroseconds: cpu } = subjects[subject];
      const { min, median, max } = ofFloor[subject];
      return [
        NAMES[subject],
        ...[rate.median, rate.min, rate.max].map((value) => number(value)),
        ...[p50Ms.median, p99Ms.median].map((value) => number(value, 2)),
        cpu === null ? "–" : number(cpu.median),
        ...[median, min, max].map((value) => number(value, 2)),
      ];
    }),
  };
}

function costTable({ pings, statements }: Throughput, paced: PingCosts, manyTenants: PingCosts): Table {
  const row = (name: string, costs: PingCosts) => [
    name,
    number(costs.pings),
    number(costs.durableObjectCalls / costs.pings, 3),
    number(costs.statements / costs.pings, 4),
    number(costs.alarms / costs.pings, 4),
    number(costs.p50Ms, 2),
    number(costs.p99Ms, 2),
  ];
  return {
    title: "Cost of a ping, until its row is in Postgres",
    head: ["", "pings", "DO calls/ping", "statements/ping", "alarms/ping", "p50 ms", "p99 ms"],
    rows: [
      ["one tenant, full speed", number(pings), "–", number(statements / pings, 4), "–", "–", "–"],
      row(`one tenant, ${PACE_PER_SECOND}/s`, paced),
      row(`${number(manyTenants.pings)} tenants, one ping each`, manyTenants),
    ],
  };
}

function targets({ aliveToFloor }: Throughput, paced: PingCosts): Target[] {
  const statements = paced.statements / paced.pings;
  return [
    {
      sentence: `alive reaches ${number(aliveToFloor.median, 2)} of the floor (median of ${aliveToFloor.runs.length}; at least ${LEAST_OF_FLOOR})`,
      met: aliveToFloor.median >= LEAST_OF_FLOOR,
    },
    {
      sentence: `${number(paced.durableObjectCalls)} Durable Object calls for ${number(paced.pings)} pings (exactly 1 each)`,
      met: paced.durableObjectCalls === paced.pings,
    },
    {
      sentence: `${number(statements, 4)} Postgres statements a ping at ${PACE_PER_SECOND} pings/s (at most ${MOST_STATEMENTS})`,
      met: statements <= MOST_STATEMENTS,
    },
  ];
}
