import makeBinding from "miniflare-ratelimit";
import { RateLimiterObject } from "miniflare-ratelimit-object";
import { TERMS } from "./terms.ts";
import { WatchedObject } from "./watched-object.ts";

/** Miniflare's own object behind the emulated binding, unchanged; its class has no RPC, so it is held by one that has. */
export class BindingObject extends WatchedObject {
  readonly #emulation: RateLimiterObject;

  constructor(ctx: DurableObjectState, env: never) {
    super(ctx, env);
    const { sql } = ctx.storage;
    // Only an experimental workerd prepares statements; this one caches what it executes, which comes to the same.
    Object.assign(sql, {
      prepare:
        (query: string) =>
        (...bindings: unknown[]) =>
          sql.exec(query, ...bindings),
    });
    this.#emulation = new RateLimiterObject(ctx, {});
  }

  override fetch(request: Request): Promise<Response> {
    return this.#emulation.fetch(request);
  }
}

/** The binding as Miniflare makes it. Its entry Worker, one more hop, is left out. */
export function emulatedBinding(
  namespace: DurableObjectNamespace<BindingObject>,
  name: string,
): () => Promise<boolean> {
  const fetcher = {
    fetch: (url: string, init: RequestInit) =>
      namespace.get(namespace.idFromName(name)).fetch(url, { ...init, cf: { miniflare: { name } } } as RequestInit),
  };
  const binding = makeBinding({ fetcher, limit: TERMS.limit, period: TERMS.windowS });
  return async () => (await binding.limit({ key: "caller" })).success;
}
