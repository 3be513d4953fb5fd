import { RateLimiterMemory } from "rate-limiter-flexible";
import { TERMS } from "./terms.ts";
import { WatchedObject } from "./watched-object.ts";

/**
 * rate-limiter-flexible has no store for Durable Objects: its memory store, in an object, so that all callers meet the
 * same counter. Nothing of it survives the object.
 */
export class FlexibleObject extends WatchedObject {
  readonly #limiter = new RateLimiterMemory({ points: TERMS.limit, duration: TERMS.windowS });

  async take(): Promise<boolean> {
    // It rejects with its verdict, an Error only when something is broken.
    return await this.#limiter.consume("caller").then(
      () => true,
      (verdict: unknown) => {
        if (verdict instanceof Error) throw verdict;
        return false;
      },
    );
  }
}
