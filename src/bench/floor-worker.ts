import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";

interface FloorEnv {
  FLOOR: DurableObjectNamespace<Floor>;
}

/**
 * The floor that a durable ping is measured against: what Hono, one RPC and one INSERT cost, and nothing else. Plain on
 * purpose, and not to be tuned: no body, no token, no limit, no index beside the row id. One object takes everything,
 * as one tenant's gate does.
 */
export class Floor extends DurableObject<FloorEnv> {
  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, env);
    ctx.storage.sql.exec("create table if not exists ping (instance_id text not null, received_at integer not null)");
  }

  async record(instanceId: string): Promise<{ recorded: boolean }> {
    this.ctx.storage.sql.exec("insert into ping (instance_id, received_at) values (?, ?)", instanceId, Date.now());
    return { recorded: true };
  }
}

const app = new Hono<{ Bindings: FloorEnv }>();

app.get("/bare", (c) => c.json({ collect: true }));

app.post("/durable/:instance", async (c) => {
  const floor = c.env.FLOOR.get(c.env.FLOOR.idFromName("one"));
  const { recorded } = await floor.record(c.req.param("instance"));
  return c.json({ collect: recorded });
});

export default app;
