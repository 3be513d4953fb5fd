import { DurableObjectRateLimiter, DurableObjectStore } from "@hono-rate-limiter/cloudflare";
import { watchStorage } from "./simulation.ts";
import { TERMS } from "./terms.ts";

/** The package's own object; what is added is what every object of the bench has. */
export class HonoObject extends DurableObjectRateLimiter {
  constructor(ctx: DurableObjectState, env: never) {
    super(ctx, env);
    watchStorage(ctx.storage);
  }

  async ring(): Promise<void> {
    await this.alarm();
  }

  restart(): void {
    this.ctx.abort("restart");
  }
}

/** Decides as the middleware does with what the store says, without the rest of the middleware. */
export function honoStore(namespace: DurableObjectNamespace<HonoObject>, key: string): () => Promise<boolean> {
  const store = new DurableObjectStore({ namespace: namespace as never, prefix: "" });
  store.init({ windowMs: TERMS.windowS * 1000 } as never);
  return async () => (await store.increment(key)).totalHits <= TERMS.limit;
}
