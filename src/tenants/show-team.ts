import { and, asc, eq, isNull, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { memberships, people, tenants } from "../db/schema.ts";
import { type Context, read } from "../verb.ts";

/** A tenant as the published contract has it. */
export interface Team {
  id: Id<"tenant">;
  name: string;
  /** Of the owner who has been one longest; empty where there is none, or none that the caller may see. */
  email: string;
  /** ms since 1970. */
  createdAt: number;
  updatedAt: number | null;
}

/** The tenant entered. Throws `not-found`. */
export async function showTeam(context: Context): Promise<Team> {
  const [[tenant], [owner]] = await read(context, "tenants:read", (db) => [
    db
      .select({ id: tenants.id, name: tenants.name, createdAt: tenants.createdAt, updatedAt: tenants.updatedAt })
      .from(tenants)
      .where(eq(tenants.id, sql`ebb.target()`)),
    db
      .select({ email: people.email })
      .from(memberships)
      .innerJoin(people, eq(people.id, memberships.personId))
      .where(and(eq(memberships.role, "owner"), isNull(memberships.removedAt)))
      .orderBy(asc(memberships.id))
      .limit(1),
  ]);
  if (tenant === undefined) throw new Problem("not-found");
  return { ...tenant, email: owner?.email ?? "" };
}
