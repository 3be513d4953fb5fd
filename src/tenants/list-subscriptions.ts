import { and, asc, desc, eq, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import type { Reader } from "../db/app-database.ts";
import { subscriptions } from "../db/schema.ts";
import type { Plan } from "../limits/plans.ts";
import { type Context, read } from "../verb.ts";

export interface Subscription {
  id: Id<"subscription">;
  plan: Plan;
  status: "active" | "ended";
  /** ms since 1970. */
  startedAt: number;
  /** When it is to end by itself; null: it goes on. */
  endsAt: number | null;
  endedAt: number | null;
  /** How many people may hold a seat; null: any number. */
  seats: number | null;
  trial: boolean;
  updatedAt: number | null;
}

/** The running one, and how many of its seats are taken: by members and by open invitations. */
export type RunningSubscription = Subscription & { seatsUsed: number };

interface Seats extends Record<string, unknown> {
  seats: number | null;
  used: number;
}

const selectSubscriptions = (db: Reader) =>
  db
    .select({
      id: subscriptions.id,
      plan: subscriptions.plan,
      status: subscriptions.status,
      startedAt: subscriptions.startedAt,
      endsAt: subscriptions.endsAt,
      endedAt: subscriptions.endedAt,
      seats: subscriptions.seats,
      trial: subscriptions.trial,
      updatedAt: subscriptions.updatedAt,
    })
    .from(subscriptions);
const seatsOf = (db: Reader) => db.execute<Seats>(sql`select * from ebb.seats()`);

/** The subscriptions of the tenant entered, oldest first, ended ones until they are forgotten; and the seats taken now. */
export async function listSubscriptions(
  context: Context,
  tenantId: Id<"tenant">,
): Promise<{ subscriptions: Subscription[]; seatsUsed: number }> {
  const [rows, seats] = await read(context, "tenants:read", (db) => [
    selectSubscriptions(db)
      .where(eq(subscriptions.tenantId, tenantId))
      .orderBy(asc(subscriptions.startedAt), asc(subscriptions.id)),
    seatsOf(db),
  ]);
  return { subscriptions: rows, seatsUsed: seats.rows[0]?.used ?? 0 };
}

/** The running subscription of the tenant entered; null where none runs. */
export async function runningSubscription(context: Context): Promise<RunningSubscription | null> {
  const [[running], seats] = await read(context, "tenants:read", (db) => [
    selectSubscriptions(db)
      .where(and(eq(subscriptions.tenantId, sql`ebb.target()`), eq(subscriptions.status, "active")))
      .orderBy(desc(subscriptions.startedAt), desc(subscriptions.id))
      .limit(1),
    seatsOf(db),
  ]);
  return running === undefined ? null : { ...running, seatsUsed: seats.rows[0]?.used ?? 0 };
}
