import { fork } from "node:child_process";
import { join } from "node:path";
import { StartFailure } from "../local/failure.ts";
import type { LoadJob, LoadReply, LoadResult } from "./load-job.ts";

export interface Load {
  /** Runs one job. Throws a StartFailure when a request failed: what was measured then is not what was meant. */
  run(what: string, job: LoadJob): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Starts the load process, which ends with this one. */
export function startLoad(signal: AbortSignal): Load {
  const child = fork(join(import.meta.dirname, "load-client.ts"), { serialization: "advanced" });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  return {
    async run(what, job) {
      signal.throwIfAborted();
      const answer = Promise.withResolvers<LoadReply>();
      const onAbort = () => answer.reject(signal.reason);
      signal.addEventListener("abort", onAbort);
      child.once("message", (message) => answer.resolve(message as LoadReply));
      void ended.then(() => answer.resolve({ error: "The load process has ended." }));
      try {
        child.send(job);
        const reply = await answer.promise;
        if ("error" in reply) throw new StartFailure(`${what}: ${reply.error}`);
        const { failed, answered, firstFailure } = reply.result;
        if (failed > 0) {
          throw new StartFailure(`${what}: ${failed} of ${answered} requests failed, the first with:\n${firstFailure}`);
        }
        return reply.result;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
