import { eq, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { vouchers } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";
import { refuseOthers, selectKind } from "./platform.ts";

/**
 * Has a voucher be claimed by nobody any more. Of the platform owner alone (`forbidden`). Throws `not-found`, also for one
 * that is revoked already, and `conflict` for one that was claimed: what it gave is changed with the tenant's plan.
 */
export async function revokeVoucher(context: Context, id: Id<"voucher">): Promise<void> {
  await mutate(context, "vouchers:write", async (tx, entered) => {
    refuseOthers(entered, await selectKind(tx));
    // Locked: of a claim and a revocation at once the later sees the earlier.
    const [found] = await tx
      .select({ claimedAt: vouchers.claimedAt, revokedAt: vouchers.revokedAt })
      .from(vouchers)
      .where(eq(vouchers.id, id))
      .for("update");
    if (found === undefined || found.revokedAt !== null) throw new Problem("not-found");
    if (found.claimedAt !== null) throw new Problem("conflict");
    await tx.update(vouchers).set({ revokedAt: sql`ebb.clock()` }).where(eq(vouchers.id, id));
    return { result: null, audit: { action: "voucher.revoked", subject: id, detail: {} } };
  });
}
