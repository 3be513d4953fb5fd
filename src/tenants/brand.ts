import { and, eq, isNull, sql } from "drizzle-orm";
import { type Id, newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { brands } from "../db/schema.ts";
import { type Context, mutate, read } from "../verb.ts";
import type { Controller } from "./show.ts";

/** How the reseller entered appears to its clients. Throws `not-found` where it has set nothing. */
export async function showBrand(context: Context, tenantId: Id<"tenant">): Promise<Controller> {
  const [[brand]] = await read(context, "tenants:read", (db) => [
    db
      .select({
        name: brands.name,
        logoUrl: brands.logoUrl,
        contact: brands.contact,
        privacyContact: brands.privacyContact,
      })
      .from(brands)
      .where(and(eq(brands.tenantId, tenantId), isNull(brands.removedAt))),
  ]);
  if (brand === undefined) throw new Problem("not-found");
  return brand;
}

/** Sets how the reseller entered appears to its clients; with null it appears by its name alone. Throws `conflict` for who is no reseller. */
export async function setBrand(context: Context, brand: Controller | null): Promise<void> {
  await mutate(context, "tenants:write", async (tx, { tenantId }) => {
    const id = uuidFromId("brand", newId("brand", context.deps.clock.now()));
    const { name = null, logoUrl = null, contact = null, privacyContact = null } = brand ?? {};
    await tx.execute(sql`select ebb.set_brand(${id}::uuid, ${name}, ${logoUrl}, ${contact}, ${privacyContact})`);
    return {
      result: null,
      audit: { action: brand === null ? "brand.removed" : "brand.set", subject: tenantId, detail: {} },
    };
  });
}
