import type { Target } from "../bench.ts";
import { number } from "../table.ts";
import { faultless, type Replayed, wrongs } from "./correctness.ts";
import type { Cpu } from "./cpu.ts";
import type { InsideSpeed } from "./inside-speed.ts";
import { IN_FLIGHT, ofOther, type RpcSpeed } from "./rpc-speed.ts";
import { TRACE_TERMS } from "./stage.ts";
import { type Caller, NAMES, PEERS } from "./terms.ts";

const LEAST_INSIDE = 20_000;
const LEAST_OF_HONO = 5;
const LEAST_OF_BARE = 0.8;
const MOST_MICROSECONDS = 1;
const MOST_BYTES = 4;
/** What a restart may leave unused of the limit. */
const MOST_LOST = 0.01;

export function correctnessTargets(replayed: readonly Replayed[]): Target[] {
  const ours = wrongs(replayed, "ours");
  const right = faultless(replayed);
  const traces = replayed.filter(({ trace }) => trace.restartBefore === null).length;
  const restart = replayed.find(({ trace }) => trace.restartBefore !== null)?.bySubject.ours.verdict;
  const chunk = TRACE_TERMS.limit * MOST_LOST;
  return [
    {
      sentence: `${number(ours.admitted)} wrongly admitted and ${number(ours.denied)} wrongly denied on all ${traces} traces (0 and 0)`,
      met: ours.admitted === 0 && ours.denied === 0,
    },
    {
      sentence: `${PEERS.length - right.length} of ${PEERS.length} peers have a non-zero cell (all)${right.length === 0 ? "" : `, but not ${right.map((peer) => NAMES[peer]).join(", ")}`}`,
      met: right.length === 0,
    },
    {
      sentence: `after a restart ${number(restart?.wronglyAdmitted ?? -1)} wrongly admitted, and refused at ${number(restart?.shortfall ?? -1)} below the limit at most (0, and ${number(chunk)}: 1 %)`,
      met: restart !== undefined && restart.wronglyAdmitted === 0 && restart.shortfall <= chunk,
    },
  ];
}

export function speedTargets(inside: InsideSpeed, rpc: RpcSpeed): Target[] {
  const medians = (other: Caller) => IN_FLIGHT.map((inFlight) => ofOther(rpc, "ours", other, inFlight).median);
  const shown = (values: readonly number[]) => values.map((value) => number(value, 2)).join(" and ");
  const at = `at ${IN_FLIGHT.join(" and ")} in flight`;
  return [
    {
      sentence: `${number(inside[32].median)} durable decisions/s inside one object, 32 in flight (at least ${number(LEAST_INSIDE)})`,
      met: inside[32].median >= LEAST_INSIDE,
    },
    {
      sentence: `through RPC ${shown(medians("hono"))} times hono-rate-limiter's Durable Object store, ${at} (at least ${LEAST_OF_HONO})`,
      met: medians("hono").every((value) => value >= LEAST_OF_HONO),
    },
    {
      sentence: `through RPC ${shown(medians("bare"))} of the bare call's rate, ${at} (at least ${LEAST_OF_BARE})`,
      met: medians("bare").every((value) => value >= LEAST_OF_BARE),
    },
  ];
}

export function cpuTargets(cpu: readonly Cpu[]): Target[] {
  const slowest = Math.max(...cpu.map(({ microseconds }) => microseconds));
  // A large limit's: a small one's half-empty arrays weigh little, whatever they hold.
  const { stampBytes, allBytes } = cpu.at(-1) ?? { stampBytes: Number.NaN, allBytes: Number.NaN };
  const bytes = Math.round(stampBytes * 10) / 10;
  return [
    {
      sentence: `a decision takes ${number(slowest, 2)} µs at most (at most ${MOST_MICROSECONDS})`,
      met: slowest <= MOST_MICROSECONDS,
    },
    {
      sentence: `an admission takes ${number(bytes, 1)} bytes of stamps at the largest limit (at most ${MOST_BYTES}), ${number(allBytes, 1)} with all around them`,
      met: bytes <= MOST_BYTES,
    },
  ];
}
