import type { Client } from "pg";
import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import { median, percentile, ratios, type Spread, spread } from "../statistics.ts";
import { number } from "../table.ts";
import type { IsolationStage, ReadTenant } from "./stage.ts";

const COLUMNS = "id, tenant_id, workspace_id, name, client_id, scope, registered_at";
export const PAGE = 50;

interface Read {
  title: string;
  /** Through the policies: the statement as the product sends it, which says nothing of a tenant. */
  policies: (tenant: ReadTenant, instance: string) => [text: string, values: unknown[]];
  /** The same with `tenant_id = …` in the text, without any policy. */
  plain: (tenant: ReadTenant, instance: string) => [text: string, values: unknown[]];
}

export const READS = {
  point: {
    title: "point read by id",
    policies: (_, id) => [`select ${COLUMNS} from instances where id = $1 and removed_at is null`, [id]],
    plain: (tenant, id) => [
      `select ${COLUMNS} from instances where id = $1 and removed_at is null and tenant_id = $2`,
      [id, tenant.id],
    ],
  },
  page: {
    title: `page of ${PAGE}`,
    policies: () => [`select ${COLUMNS} from instances where removed_at is null order by id limit ${PAGE}`, []],
    plain: (tenant) => [
      `select ${COLUMNS} from instances where removed_at is null and tenant_id = $1 order by id limit ${PAGE}`,
      [tenant.id],
    ],
  },
  count: {
    title: "count of one tenant",
    policies: () => ["select count(*) from instances where removed_at is null", []],
    plain: (tenant) => ["select count(*) from instances where removed_at is null and tenant_id = $1", [tenant.id]],
  },
} as const satisfies Record<string, Read>;
export type ReadName = keyof typeof READS;
const NAMES = Object.keys(READS) as ReadName[];
const SIDES = ["policies", "plain"] as const;
type Side = (typeof SIDES)[number];

/** Times of one run in ms, ascending. */
type Times = Record<Side, number[]>;

export interface Cost {
  median: Record<Side, Spread>;
  p99: Record<Side, Spread>;
  /** Policies over plain, run by run. */
  ratio: Spread;
  p99Ratio: Spread;
}

export interface IsolationCosts {
  /** As the Worker reads: one request that enters and reads. */
  served: Record<ReadName, Cost>;
  /** The bare statement on an open connection. */
  reads: Record<ReadName, Cost>;
  /** One `ebb.enter` at the start of a transaction, in ms: the median and the 99th percentile of each run. */
  enter: { median: Spread; p99: Spread };
  pairs: number;
}

/**
 * Reads in turn: now through the policies, now without, each by one query on an open connection, inside a transaction
 * that has entered its tenant before. Throws a StartFailure when the two do not return the same rows.
 */
export async function measureReads(
  stage: IsolationStage,
  { runs, seconds, say, signal }: BenchContext,
): Promise<IsolationCosts> {
  const times: Record<ReadName, Times[]> = { point: [], page: [], count: [] };
  const served: Record<ReadName, Times[]> = { point: [], page: [], count: [] };
  const entering: number[][] = [];
  for (let run = 0; run <= runs; run++) {
    const measured = await oneRun(stage, run === 0 ? Math.min(1, seconds) : seconds, signal);
    // The first warms up.
    if (run === 0) continue;
    for (const name of NAMES) {
      times[name].push(measured.reads[name]);
      served[name].push(measured.served[name]);
    }
    entering.push(measured.enter);
    say(`Run ${run} of ${runs}: ${number(measured.enter.length)} tenants entered and read.`);
  }
  const middle = (runsOf: readonly number[][]) => runsOf.map((values) => median(values));
  const late = (runsOf: readonly number[][]) =>
    runsOf.map((values) =>
      percentile(
        values.toSorted((a, b) => a - b),
        0.99,
      ),
    );
  const cost = (measured: typeof times, name: ReadName): Cost => {
    const of = (side: Side) => measured[name].map((each) => each[side]);
    const [policies, plain] = [of("policies"), of("plain")];
    return {
      median: { policies: spread(middle(policies)), plain: spread(middle(plain)) },
      p99: { policies: spread(late(policies)), plain: spread(late(plain)) },
      ratio: spread(ratios(middle(policies), middle(plain))),
      p99Ratio: spread(ratios(late(policies), late(plain))),
    };
  };
  return {
    served: { point: cost(served, "point"), page: cost(served, "page"), count: cost(served, "count") },
    reads: { point: cost(times, "point"), page: cost(times, "page"), count: cost(times, "count") },
    enter: { median: spread(middle(entering)), p99: spread(late(entering)) },
    pairs: times.point.reduce((sum, { plain }) => sum + plain.length, 0),
  };
}

const noTimes = (): Record<ReadName, Times> => ({
  point: { policies: [], plain: [] },
  page: { policies: [], plain: [] },
  count: { policies: [], plain: [] },
});

async function oneRun(stage: IsolationStage, seconds: number, signal: AbortSignal) {
  const { tenants, policies, plain } = stage;
  const reads = noTimes();
  const served = noTimes();
  const enter: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  for (let turn = 0; performance.now() < endMs; turn++) {
    signal.throwIfAborted();
    const tenant = tenants[turn % tenants.length] as ReadTenant;
    await policies.query("begin");
    await plain.query("begin");
    enter.push(await timed(policies, "select * from ebb.enter($1::bytea, $2::uuid)", [tenant.credential, null]));
    for (const [index, instance] of tenant.instances.entries()) {
      for (const name of NAMES) {
        const read: Read = READS[name];
        // Neither always comes second, when the pages are in memory.
        for (const side of (turn + index) % 2 === 0 ? SIDES : SIDES.toReversed()) {
          const [text, values] = read[side](tenant, instance);
          reads[name][side].push(await timed(side === "policies" ? policies : plain, text, values));
        }
      }
    }
    if (turn % tenants.length === 0) await compare(policies, plain, tenant);
    await policies.query("commit");
    await plain.query("commit");
    for (const name of NAMES) {
      const read: Read = READS[name];
      const instance = tenant.instances[turn % tenant.instances.length] as string;
      for (const side of turn % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const begin = performance.now();
        await stage.served[side](tenant.credential, ...read[side](tenant, instance));
        served[name][side].push(performance.now() - begin);
      }
    }
  }
  return { reads, served, enter };
}

async function timed(client: Client, text: string, values: unknown[]): Promise<number> {
  const begin = performance.now();
  await client.query({ text, values });
  return performance.now() - begin;
}

async function compare(policies: Client, plain: Client, tenant: ReadTenant): Promise<void> {
  const instance = tenant.instances[0] as string;
  for (const name of NAMES) {
    const read: Read = READS[name];
    const answers = await Promise.all([
      policies.query(...read.policies(tenant, instance)),
      plain.query(...read.plain(tenant, instance)),
    ]);
    const [ours, theirs] = answers.map(({ rows }) => JSON.stringify(rows));
    if (ours !== theirs || answers[0]?.rows.length === 0) throw new StartFailure(`${read.title}: the rows differ.`);
  }
}
