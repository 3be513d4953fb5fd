import { eq, sql } from "drizzle-orm";
import { Problem } from "../core/problem.ts";
import type { Entered, Reader, Writer } from "../db/app-database.ts";
import { tenants } from "../db/schema.ts";

/** What the tenant entered is. */
export function selectKind(db: Reader | Writer) {
  return db.select({ kind: tenants.kind }).from(tenants).where(eq(tenants.id, sql`ebb.target()`));
}

/** Vouchers are the platform's own: `forbidden` for everybody else, and for the platform in a tenant below. */
export function refuseOthers({ actorTenantId, tenantId }: Entered, [target]: readonly { kind: string }[]): void {
  if (actorTenantId !== tenantId || target?.kind !== "platform") throw new Problem("forbidden");
}
