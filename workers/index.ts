import { createApp } from "../src/app.ts";
import { newId } from "../src/core/id.ts";
import { errorFields } from "../src/core/log.ts";
import { problemResponse, toProblem } from "../src/http/problem-response.ts";
import type { Env } from "./bindings.ts";
import { consoleLogger, createDeps } from "./runtime.ts";
import { runScheduled } from "./schedule.ts";

export { TenantGate } from "./tenant-gate.ts";

type Runtime = Promise<{ deps: Awaited<ReturnType<typeof createDeps>>; app: ReturnType<typeof createApp> }>;

/** Made at an isolate's first request and kept: importing keys costs more than a request does. Failures are not kept. */
const runtimes = new WeakMap<Env, Runtime>();

function runtimeOf(env: Env): Runtime {
  let runtime = runtimes.get(env);
  if (runtime === undefined) {
    runtime = createDeps(env).then((deps) => ({ deps, app: createApp(deps) }));
    runtimes.set(env, runtime);
    runtime.catch(() => runtimes.delete(env));
  }
  return runtime;
}

/** The product could not be put together, as with a malformed secret: an answer in our own form all the same. */
function notReady(request: Request, error: unknown): Response {
  const nowMs = Date.now();
  const requestId = newId("request", nowMs);
  const problem = toProblem(error);
  consoleLogger.log("error", "not-ready", { requestId, problem: problem.problem, ...errorFields(error) });
  const { pathname } = new URL(request.url);
  return problemResponse(problem, { path: pathname, requestId, nowMs, authorization: null });
}

export default {
  async fetch(request, env) {
    let runtime: Awaited<Runtime>;
    try {
      runtime = await runtimeOf(env);
    } catch (error) {
      return notReady(request, error);
    }
    return await runtime.app.fetch(request);
  },
  async scheduled(controller, env) {
    const { deps } = await runtimeOf(env);
    await runScheduled(controller.cron, deps);
  },
} satisfies ExportedHandler<Env>;
