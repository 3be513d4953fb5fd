import type { Plugin } from "vitest/config";
import type { PoolOptions, PoolWorker, WorkerRequest } from "vitest/node";
import { type Lane, makeLane, type Provided } from "./lane.ts";

/** Starts the process that runs one test file, for whom this is provided. */
type StartWorker = (provided: Provided, options: PoolOptions) => PoolWorker;

/** Lanes are made when first needed: one for a single file, as many as there are workers for all. */
class Lanes {
  readonly #made: Promise<Lane>[] = [];
  readonly #free: Lane[] = [];
  readonly #waiting: ((lane: Lane) => void)[] = [];

  async take(atMost: number): Promise<Lane> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made.length >= atMost) return await new Promise((resolve) => this.#waiting.push(resolve));
    // One at a time: the driver that prepares a database has one endpoint for the whole process.
    const made = (this.#made.at(-1) ?? Promise.resolve()).then(makeLane, makeLane);
    this.#made.push(made);
    return await made;
  }

  giveBack(lane: Lane): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(lane);
    else next(lane);
  }

  async stop(): Promise<void> {
    const lanes = await Promise.allSettled(this.#made.splice(0));
    await Promise.all(lanes.map((lane) => (lane.status === "fulfilled" ? lane.value.stop() : undefined)));
  }
}

const lanes = new Lanes();

/** A worker with a lane of its own from its start to its end: what it does to Postgres no other file notices. */
class LaneWorker implements PoolWorker {
  readonly name = "lanes";
  readonly cacheFs: boolean;
  readonly #startWorker: StartWorker;
  readonly #options: PoolOptions;
  #lane: Lane | null = null;
  #worker: PoolWorker | null = null;

  constructor(startWorker: StartWorker, cacheFs: boolean, options: PoolOptions) {
    this.#startWorker = startWorker;
    this.cacheFs = cacheFs;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#lane = await lanes.take(this.#options.project.config.maxWorkers);
    this.#worker = this.#startWorker(this.#lane.provided, this.#options);
    await this.#worker.start();
  }

  async stop(): Promise<void> {
    try {
      await this.#worker?.stop();
    } finally {
      if (this.#lane !== null) lanes.giveBack(this.#lane);
      this.#lane = null;
    }
  }

  send(message: WorkerRequest): void {
    // Vitest itself provides every file with the same.
    const provided = { ...this.#lane?.provided };
    const toSend =
      message.type === "run" || message.type === "collect"
        ? { ...message, context: { ...message.context, providedContext: provided } }
        : message;
    this.#worker?.send(toSend as WorkerRequest);
  }

  on(event: string, callback: (...args: unknown[]) => void): void {
    this.#worker?.on(event, callback);
  }

  off(event: string, callback: (...args: unknown[]) => void): void {
    this.#worker?.off(event, callback);
  }

  deserialize(data: unknown): unknown {
    return this.#worker?.deserialize(data) ?? data;
  }
}

/** Has the files of a project run in lanes; after any plugin that brings a pool of its own, which it replaces. */
export function inLanes(startWorker: StartWorker, { cacheFs = false } = {}): Plugin {
  return {
    name: "ebb-lanes",
    configureVitest: ({ project, vitest }) => {
      project.config.pool = "lanes";
      project.config.poolRunner = {
        name: "lanes",
        createPoolWorker: (options) => new LaneWorker(startWorker, cacheFs, options),
      };
      vitest.onClose(() => lanes.stop());
    },
  };
}
