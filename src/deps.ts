import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/log.ts";

/** Everything that the product takes from outside, put together in one place: `workers/runtime.ts`. */
export interface Deps {
  clock: Clock;
  logger: Logger;
  /** Origin under which the service is reached, without a trailing slash; also the issuer of tokens. */
  publicUrl: string;
}
