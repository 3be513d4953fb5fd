import { spawnSync } from "node:child_process";
import type { AliveStage } from "./alive-stage.ts";
import { CONNECTIONS } from "./alive-throughput.ts";
import type { BenchContext } from "./bench.ts";
import { untilArrived } from "./database.ts";
import type { Home } from "./pingers.ts";

/** What so many pings cost elsewhere, counted from the first ping until the last row was in Postgres. */
export interface PingCosts {
  pings: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  durableObjectCalls: number;
  statements: number;
  alarms: number;
}

export const PACE_PER_SECOND = 200;
const PACED_S = 15;
const MANY_TENANTS = 10_000;
/** Files that workerd and its neighbours have open besides one for each gate that is awake. */
const OTHER_FILES = 1_000;

/** One tenant at a steady 200 pings a second. */
export async function measurePaced(stage: AliveStage, context: BenchContext): Promise<PingCosts> {
  context.say(`One tenant at ${PACE_PER_SECOND} pings/s for ${PACED_S} s …`);
  const home = await stage.pingers.tenant(stage.ports.counted);
  const homes = Array.from({ length: PACE_PER_SECOND * PACED_S }, () => home);
  return await measureCosts(stage, context, "paced", homes, PACE_PER_SECOND);
}

/** Ten thousand tenants with one ping each: the worst case for batching, where each has an alarm and a statement. */
export async function measureManyTenants(stage: AliveStage, context: BenchContext): Promise<PingCosts> {
  const count = Math.max(1, Math.min(MANY_TENANTS, openFileLimit() - OTHER_FILES));
  if (count < MANY_TENANTS) context.say(`Only ${count} tenants: each needs an open file (ulimit -n).`);
  context.say(`${count} tenants with one ping each …`);
  const homes = await stage.pingers.tenants(count);
  return await measureCosts(stage, context, "many tenants", homes, null);
}

async function measureCosts(
  stage: AliveStage,
  { signal }: BenchContext,
  what: string,
  homes: readonly Home[],
  perSecond: number | null,
): Promise<PingCosts> {
  const { database, load, pingers, ports } = stage;
  const requests = await pingers.pings(homes);
  const before = await stage.counts();
  database.neon.resetStatements();
  const { answered, seconds, p50Ms, p99Ms } = await load.run(what, {
    port: ports.counted,
    connections: CONNECTIONS,
    requests,
    pace: perSecond === null ? { kind: "full", seconds: 600 } : { kind: "paced", perSecond },
  });
  stage.acknowledged += answered;
  await untilArrived(database, stage.acknowledged, signal);
  const after = await stage.counts();
  return {
    pings: answered,
    seconds,
    p50Ms,
    p99Ms,
    durableObjectCalls: after.calls - before.calls,
    statements: database.neon.statements(),
    alarms: after.alarms - before.alarms,
  };
}

/** What a process that we start may have open at once. */
function openFileLimit(): number {
  const limit = Number.parseInt(spawnSync("/bin/sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout, 10);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}
