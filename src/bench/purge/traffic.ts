import { fork } from "node:child_process";
import { join } from "node:path";
import { StartFailure } from "../../local/failure.ts";
import type { BenchContext } from "../bench.ts";
import type { TrafficJob, TrafficReply, TrafficRequest, TrafficResult } from "./traffic-job.ts";

/** Others who read and insert. One job at a time. Both throw a StartFailure when a query failed. */
export interface Traffic {
  start(job: TrafficJob): Promise<void>;
  stop(): Promise<TrafficResult>;
}

/** Starts the traffic process, which ends with the bench. */
export function startTraffic({ signal, undo }: BenchContext): Traffic {
  const child = fork(join(import.meta.dirname, "traffic-client.ts"), { serialization: "advanced" });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  undo(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const ask = async (request: TrafficRequest): Promise<Exclude<TrafficReply, { error: string }>> => {
    signal.throwIfAborted();
    const answer = Promise.withResolvers<TrafficReply>();
    const onAbort = () => answer.reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    child.once("message", (message) => answer.resolve(message as TrafficReply));
    void ended.then(() => answer.resolve({ error: "the traffic process has ended" }));
    try {
      child.send(request);
      const reply = await answer.promise;
      if (typeof reply === "object" && "error" in reply) {
        throw new StartFailure(`Who read and inserted meanwhile was refused: ${reply.error}.`);
      }
      return reply;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
  return {
    start: async (job) => void (await ask({ start: job })),
    stop: async () => {
      const reply = await ask("stop");
      if (reply === "started") throw new StartFailure("The traffic did not stop.");
      return reply.result;
    },
  };
}
