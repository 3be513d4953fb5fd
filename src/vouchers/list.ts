import { desc, lt } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import { type Page, type PageRequest, pageOf } from "../db/page.ts";
import { vouchers } from "../db/schema.ts";
import { type Context, enter } from "../verb.ts";
import { refuseOthers, selectKind } from "./platform.ts";

export interface Voucher {
  id: Id<"voucher">;
  name: string;
  plan: "team" | "enterprise";
  /** Null for any number. */
  seats: number | null;
  months: number | null;
  /** Times in ms since 1970; null for what has not happened. */
  createdAt: number;
  validUntil: number;
  claimedAt: number | null;
  claimedTenantId: Id<"tenant"> | null;
  revokedAt: number | null;
}

/** The columns of a voucher that are shown: its code never. */
export const VOUCHER_COLUMNS = {
  id: vouchers.id,
  name: vouchers.name,
  plan: vouchers.plan,
  seats: vouchers.seats,
  months: vouchers.months,
  createdAt: vouchers.createdAt,
  validUntil: vouchers.validUntil,
  claimedAt: vouchers.claimedAt,
  claimedTenantId: vouchers.claimedTenantId,
  revokedAt: vouchers.revokedAt,
};

/** Vouchers, newest first; ended ones for 30 days. Of the platform owner alone (`forbidden`). */
export async function listVouchers(context: Context, page: PageRequest<Id<"voucher">>): Promise<Page<Voucher>> {
  const { entered, results } = await enter(
    context,
    "vouchers:read",
    (db) =>
      [
        selectKind(db),
        db
          .select(VOUCHER_COLUMNS)
          .from(vouchers)
          .where(page.after === null ? undefined : lt(vouchers.id, page.after))
          .orderBy(desc(vouchers.id))
          .limit(page.limit + 1),
      ] as const,
  );
  refuseOthers(entered, results[0]);
  return pageOf(results[1], page.limit);
}
