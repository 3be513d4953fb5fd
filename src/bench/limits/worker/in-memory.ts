import { TERMS } from "./terms.ts";
import { WatchedObject } from "./watched-object.ts";

const PER_REQUEST_MS = (TERMS.windowS * 1000) / TERMS.limit;
const UPDATE_MS = 5_000;

/**
 * The rate limiter of Cloudflare's Durable Object examples, from its description: a bucket of tokens in the object's
 * memory; each request takes one; an alarm adds in bulk, every 5 s, what has accrued at the desired rate, up to the
 * capacity. The capacity is the limit, so that a whole quota can be used at once.
 */
export class BucketObject extends WatchedObject {
  #tokens = TERMS.limit;

  take(): boolean {
    void this.#schedule();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  override async alarm(): Promise<void> {
    this.#tokens = Math.min(TERMS.limit, this.#tokens + UPDATE_MS / PER_REQUEST_MS);
    if (this.#tokens < TERMS.limit) await this.#schedule();
  }

  async #schedule(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + UPDATE_MS);
  }
}

/**
 * The simpler approach of the same page: the time at which the next request is allowed moves on with every request,
 * refused ones too; requests may come before it by a grace period. That is a whole window here, for the same reason.
 */
export class SpacingObject extends WatchedObject {
  #nextAllowedAt = 0;

  take(): boolean {
    const now = Date.now();
    this.#nextAllowedAt = Math.max(now, this.#nextAllowedAt) + PER_REQUEST_MS;
    return this.#nextAllowedAt - now <= TERMS.windowS * 1000;
  }
}
