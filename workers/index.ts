import { createApp } from "../src/app.ts";
import type { Env } from "./bindings.ts";
import { createDeps } from "./runtime.ts";
import { runScheduled } from "./schedule.ts";

export { TenantGate } from "./tenant-gate.ts";

type Runtime = Promise<{ deps: Awaited<ReturnType<typeof createDeps>>; app: ReturnType<typeof createApp> }>;

/** Made at an isolate's first request and kept: importing keys costs more than a request does. */
const runtimes = new WeakMap<Env, Runtime>();

function runtimeOf(env: Env): Runtime {
  let runtime = runtimes.get(env);
  if (runtime === undefined) {
    runtime = createDeps(env).then((deps) => ({ deps, app: createApp(deps) }));
    runtimes.set(env, runtime);
  }
  return runtime;
}

export default {
  async fetch(request, env) {
    const { app } = await runtimeOf(env);
    return await app.fetch(request);
  },
  async scheduled(controller, env) {
    const { deps } = await runtimeOf(env);
    await runScheduled(controller.cron, deps);
  },
} satisfies ExportedHandler<Env>;
