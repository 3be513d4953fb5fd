import type { Bench, BenchReport } from "./bench.ts";
import { type Cost, type IsolationCosts, measureReads, READS, type ReadName } from "./isolation/reads.ts";
import { ROWS, startIsolationStage, TENANTS } from "./isolation/stage.ts";
import type { Spread } from "./statistics.ts";
import { number, type Table } from "./table.ts";

/** What an indexed read may cost through the policies, of what it costs without. */
const MOST = 1.1;

const NOTES = [
  `${number(ROWS)} rows of instances over ${number(TENANTS)} tenants, in the product's schema. Through policies: ebb_app, the statement as the product sends it, in a transaction that has entered its tenant. Plain: a role that bypasses row-level security, on the same table, rows and indexes, with tenant_id = $1 in the text.`,
  "As the Worker reads: one HTTP request to the local stand-in for Neon, with ebb.enter and the read in one transaction, on both sides; what differs is the policies alone.",
  "The bare statements: one query after another on open connections (node-postgres, unnamed statements as Neon's driver sends them, so planned each time), policies and plain in turn; the ratio is that of the medians, run by run.",
];

/** What row-level security costs: the same reads through the policies and without. */
export const isolation: Bench = {
  summary: "what the policies cost: indexed reads with and without, and what entering a tenant takes",
  async run(context): Promise<BenchReport> {
    const stage = await startIsolationStage(context);
    const costs = await measureReads(stage, context);
    const names = Object.keys(READS) as ReadName[];
    return {
      tables: [
        readsTable("Indexed reads as the Worker makes them: one request that enters and reads", names, costs.served),
        readsTable("The bare statements, inside a transaction that has entered before", names, costs.reads),
        enterTable(costs),
      ],
      notes: [...NOTES, `${number(costs.pairs)} pairs of each read.`],
      targets: names.map((name) => ({
        sentence: `${READS[name].title}, as the Worker makes it: ${number(costs.served[name].ratio.median, 2)} of the same without policies (at most ${number(MOST, 2)})`,
        met: costs.served[name].ratio.median <= MOST,
      })),
      figures: { rows: ROWS, tenants: TENANTS, ...costs },
    };
  },
};

function readsTable(what: string, names: readonly ReadName[], reads: Record<ReadName, Cost>): Table {
  return {
    title: `${what}, µs at the client (median of the runs' medians; 99th percentile)`,
    head: ["read", "policies", "plain", "ratio", "from", "to", "policies p99", "plain p99"],
    rows: names.map((name) => {
      const { median, p99, ratio }: Cost = reads[name];
      return [
        READS[name].title,
        micros(median.policies),
        micros(median.plain),
        number(ratio.median, 2),
        number(ratio.min, 2),
        number(ratio.max, 2),
        micros(p99.policies),
        micros(p99.plain),
      ];
    }),
  };
}

function enterTable({ enter }: IsolationCosts): Table {
  return {
    title: "Entering a tenant, once a transaction, µs",
    head: ["", "median", "p99"],
    rows: [["ebb.enter", micros(enter.median), micros(enter.p99)]],
  };
}

function micros({ median }: Spread): string {
  return number(median * 1000);
}
