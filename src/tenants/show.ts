import { sql } from "drizzle-orm";
import { type Id, idFromUuid } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import type { Plan } from "../limits/plans.ts";
import { type Context, read } from "../verb.ts";

export interface Tenant {
  id: Id<"tenant">;
  /** Null of the caller's own: what is above is not told. */
  parentId: Id<"tenant"> | null;
  kind: "platform" | "reseller" | "direct" | "client";
  name: string;
  status: "active" | "suspended" | "closed";
  /** ms since 1970. */
  createdAt: number;
  closedAt: number | null;
}

/** Who decides why and how a tenant's data is processed, as the tenant sees it (GDPR article 4(7)). */
export interface Controller {
  name: string;
  logoUrl: string | null;
  contact: string | null;
  privacyContact: string | null;
}

export interface TenantInFull extends Tenant {
  homeRegion: string;
  plan: Plan;
  /** The reseller of a client; null for all others, who are their own. */
  controller: Controller | null;
  /** For how many days instances may go on without us; 0: they may not. */
  offlineLeaseDays: number;
}

export interface TenantRow extends Record<string, unknown> {
  id: string;
  parent_id: string | null;
  kind: Tenant["kind"];
  name: string;
  status: Tenant["status"];
  home_region: string;
  created_at: string;
  closed_at: string | null;
  plan: Plan;
  controller: Controller | null;
  offline_lease_days: number;
}

/** The tenant entered, as whoever entered it may see it. */
export const SHOW_TENANT = sql`
  select s.*, t.offline_lease_days from ebb.show_tenant() s join public.tenants t on t.id = s.id`;

/** What `SHOW_TENANT` found. Throws `not-found` for nothing. */
export function shownTenant([row]: readonly TenantRow[]): TenantInFull {
  if (row === undefined) throw new Problem("not-found");
  return {
    id: idFromUuid("tenant", row.id),
    parentId: row.parent_id === null ? null : idFromUuid("tenant", row.parent_id),
    kind: row.kind,
    name: row.name,
    status: row.status,
    createdAt: Number(row.created_at),
    closedAt: row.closed_at === null ? null : Number(row.closed_at),
    homeRegion: row.home_region,
    plan: row.plan,
    controller: row.controller,
    offlineLeaseDays: Number(row.offline_lease_days),
  };
}

/** The tenant entered. Throws `not-found`. */
export async function showTenant(context: Context): Promise<TenantInFull> {
  const [{ rows }] = await read(context, "tenants:read", (db) => [db.execute<TenantRow>(SHOW_TENANT)]);
  return shownTenant(rows);
}
