import { asc, eq } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { subscriptions } from "../db/schema.ts";
import type { Plan } from "../limits/plans.ts";
import { type Context, read } from "../verb.ts";

export interface Subscription {
  id: Id<"subscription">;
  plan: Plan;
  status: "active" | "ended";
  /** ms since 1970. */
  startedAt: number;
  endedAt: number | null;
}

/** The subscriptions of the tenant entered, oldest first; ended ones until they are forgotten. */
export async function listSubscriptions(context: Context, tenantId: Id<"tenant">): Promise<Subscription[]> {
  const [rows] = await read(context, "tenants:read", (db) => [
    db
      .select({
        id: subscriptions.id,
        plan: subscriptions.plan,
        status: subscriptions.status,
        startedAt: subscriptions.startedAt,
        endedAt: subscriptions.endedAt,
      })
      .from(subscriptions)
      .where(eq(subscriptions.tenantId, tenantId))
      .orderBy(asc(subscriptions.startedAt), asc(subscriptions.id)),
  ]);
  return rows;
}
