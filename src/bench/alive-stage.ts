import { join } from "node:path";
import type { BenchContext } from "./bench.ts";
import { bundleWorker } from "./bundle.ts";
import { COUNTS_PATH, type WorkerCounts } from "./counts.ts";
import { type BenchDatabase, startBenchDatabase, workerText } from "./database.ts";
import { type Load, startLoad } from "./load.ts";
import { makePingers, type Pingers } from "./pingers.ts";
import { startWorkerd } from "./workerd.ts";

/** Everything that the measurements of `alive` run on. */
export interface AliveStage {
  database: BenchDatabase;
  pingers: Pingers;
  load: Load;
  /** Ports of the three Workers, which live in one workerd process. */
  ports: { floor: number; product: number; counted: number };
  /** CPU time that workerd has used so far, in µs; null where the system does not tell. */
  cpuMicroseconds(): number | null;
  /** What the counting Worker has seen so far. */
  counts(): Promise<WorkerCounts>;
  /** Pings acknowledged by anybody so far: as many rows must be in Postgres in the end. */
  acknowledged: number;
}

const GATE = { TENANT_GATE: "TenantGate" };

/** Builds the Workers and starts workerd, the database and the load process, each in a process of its own. */
export async function startAliveStage(context: BenchContext): Promise<AliveStage> {
  const { folder, signal, undo, say } = context;
  say("Building the Workers and starting the database …");
  const build = (name: string, main: string, classes: Record<string, string>) =>
    bundleWorker(join(folder, name), main, classes);
  const [database, product, counted, floor] = await allOrNone([
    startBenchDatabase(context),
    build("product", "workers/index.ts", GATE),
    build("counted", "src/bench/counted-worker.ts", GATE),
    build("floor", "src/bench/floor-worker.ts", { FLOOR: "Floor" }),
  ]);
  const text = workerText(database);
  const workerd = await startWorkerd(
    folder,
    [
      { name: "floor", bundle: floor, classes: { FLOOR: "Floor" }, text: {} },
      { name: "product", bundle: product, classes: GATE, text },
      { name: "counted", bundle: counted, classes: GATE, text },
    ],
    signal,
  );
  undo(() => workerd.stop());
  const load = startLoad(signal);
  undo(() => load.stop());
  const port = (name: string) => workerd.ports.get(name) as number;
  return {
    database,
    pingers: await makePingers(database),
    load,
    ports: { floor: port("floor"), product: port("product"), counted: port("counted") },
    cpuMicroseconds: workerd.cpuMicroseconds,
    counts: async () => {
      const response = await fetch(`http://127.0.0.1:${port("counted")}${COUNTS_PATH}`, { signal });
      return (await response.json()) as WorkerCounts;
    },
    acknowledged: 0,
  };
}

/** As Promise.all, but nothing is still under way when it throws: what is to be undone is known by then. */
async function allOrNone<T extends readonly Promise<unknown>[]>(started: [...T]) {
  await Promise.allSettled(started);
  return await Promise.all(started);
}
