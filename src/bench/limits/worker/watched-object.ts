import { DurableObject } from "cloudflare:workers";
import { watchStorage } from "./simulation.ts";

/** An object of the bench: it can be thrown out of memory, and its alarm can be rung by the simulation. */
export class WatchedObject extends DurableObject {
  constructor(ctx: DurableObjectState, env: never) {
    super(ctx, env);
    watchStorage(ctx.storage);
  }

  ring(): void | Promise<void> {
    return this.alarm?.();
  }

  restart(): void {
    this.ctx.abort("restart");
  }
}
