import { join } from "node:path";
import type { Policy } from "../../limits/policy.ts";
import { StartFailure } from "../../local/failure.ts";
import { PROJECT } from "../../local/paths.ts";
import type { BenchContext } from "../bench.ts";
import { bundleWorker } from "../bundle.ts";
import { startWorkerd } from "../workerd.ts";
import {
  type Admitted,
  type CallJob,
  type InsideJob,
  type Terms,
  type TraceJob,
  type TraceResult,
  workerText,
} from "./terms.ts";

/** The limit and window of the traces: the Workers binding knows windows of 10 s and 60 s only. */
export const TRACE_TERMS: Terms = { limit: 200, windowS: 60 };
/** The limit of everything that is timed: large enough for all of a run to be admitted. */
export const SPEED_TERMS: Terms = { limit: 100_000, windowS: 60 };

const policy = (name: string, scope: Policy["scope"], limit: number, windowS: number): Policy => ({
  name,
  scope,
  limit,
  windowS,
});
const TRACE_POLICIES = [policy("trace", "tenant", TRACE_TERMS.limit, TRACE_TERMS.windowS)];
export const SPEED_POLICIES = [
  policy("caller", "instance", SPEED_TERMS.limit, 40),
  policy("tenant", "tenant", SPEED_TERMS.limit, 50),
  policy("tenant-longer", "tenant", SPEED_TERMS.limit, SPEED_TERMS.windowS),
];

const CLASSES = {
  BARE: "BareObject",
  OURS: "OursObject",
  FLEXIBLE: "FlexibleObject",
  HONO: "HonoObject",
  BINDING: "BindingObject",
  TWO_COUNTER: "TwoCounterObject",
  BUCKET: "BucketObject",
  SPACING: "SpacingObject",
};

/** Miniflare's code as it is, outside the extension of workerd in which Miniflare runs it. */
const MINIFLARE = join(PROJECT, "node_modules/miniflare/dist/src/workers");
const ALIAS = {
  "miniflare-ratelimit": join(MINIFLARE, "ratelimit/ratelimit.worker.js"),
  "miniflare-ratelimit-object": join(MINIFLARE, "ratelimit/ratelimit-object.worker.js"),
  "miniflare:shared": join(MINIFLARE, "shared/index.worker.js"),
  "node-internal:internal_assert": join(import.meta.dirname, "worker/internal-assert.ts"),
  "node-internal:internal_buffer": join(import.meta.dirname, "worker/internal-buffer.ts"),
};

/** Everyone in one workerd process, under three configurations. */
export interface LimitsStage {
  /** Replays under simulated time, at the terms of the traces or at those of the speed. */
  replay(terms: "traces" | "speed", job: TraceJob): Promise<TraceResult>;
  /** Inside our object, under simulated time, with the rows that it wrote. */
  countInside(job: InsideJob): Promise<Admitted & { writes: number }>;
  /** Both in real time; `seconds` is what the whole request took, as seen from outside. */
  call(job: CallJob): Promise<Admitted & { seconds: number }>;
  inside(job: InsideJob): Promise<Admitted & { seconds: number }>;
}

export async function startLimitsStage({ folder, signal, undo, say }: BenchContext): Promise<LimitsStage> {
  say("Building the Worker …");
  const bundle = await bundleWorker(join(folder, "limits"), "src/bench/limits/worker/index.ts", CLASSES, ALIAS);
  const service = (name: string, text: ReturnType<typeof workerText>) => ({
    name,
    bundle,
    classes: CLASSES,
    text: { ...text },
  });
  const workerd = await startWorkerd(
    folder,
    [
      service("traces", workerText(TRACE_TERMS, TRACE_POLICIES, "simulated")),
      service("counts", workerText(SPEED_TERMS, SPEED_POLICIES, "simulated")),
      service("speed", workerText(SPEED_TERMS, SPEED_POLICIES, "real")),
    ],
    signal,
  );
  undo(() => workerd.stop());
  const post = async <T>(name: string, path: string, job: unknown): Promise<T> => {
    const url = `http://127.0.0.1:${workerd.ports.get(name) as number}${path}`;
    const response = await fetch(url, { method: "POST", body: JSON.stringify(job), signal });
    if (response.status !== 200) throw new StartFailure(`${name}${path}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  const timed = async (path: string, job: unknown) => {
    const begin = performance.now();
    const result = await post<Admitted>("speed", path, job);
    return { ...result, seconds: (performance.now() - begin) / 1_000 };
  };
  return {
    replay: (terms, job) => post(terms === "traces" ? "traces" : "counts", "/trace", job),
    countInside: (job) => post("counts", "/inside", job),
    call: (job) => timed("/calls", job),
    inside: (job) => timed("/inside", job),
  };
}
