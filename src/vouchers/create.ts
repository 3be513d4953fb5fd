import { hashSecret } from "../access/secret.ts";
import { refusePastEnd } from "../access/valid-until.ts";
import { DAY_MS } from "../core/clock.ts";
import { newId } from "../core/id.ts";
import { vouchers } from "../db/schema.ts";
import { type Context, mutate } from "../verb.ts";
import { newVoucherCode, normaliseVoucherCode } from "./code.ts";
import type { Voucher } from "./list.ts";
import { refuseOthers, selectKind } from "./platform.ts";

/** How long a voucher can be claimed, where nobody says. */
const VALID_FOR_MS = 365 * DAY_MS;

export interface NewVoucher {
  /** What it is for. */
  name: string;
  plan: "team" | "enterprise";
  /** How many people may hold a seat; null for any number. */
  seats: number | null;
  /** How long the plan lasts from the claim; null until it is changed. */
  months: number | null;
  /** Until when it can be claimed, ms since 1970; a year when null. */
  validUntilMs: number | null;
}

/** A voucher, and its code, shown this once; null in the repeat of an idempotent request. */
export type CreatedVoucher = Voucher & { code: string | null };

/** Makes a voucher; of the platform owner alone (`forbidden`). Throws `invalid-field` for an end in the past. */
export async function createVoucher(context: Context, wanted: NewVoucher): Promise<CreatedVoucher> {
  return await mutate(context, "vouchers:write", async (tx, entered) => {
    refuseOthers(entered, await selectKind(tx));
    const now = context.deps.clock.now();
    refusePastEnd(wanted.validUntilMs, now);
    const { validUntilMs, ...facts } = wanted;
    const code = newVoucherCode();
    const made = {
      id: newId("voucher", now),
      ...facts,
      createdAt: now,
      validUntil: validUntilMs ?? now + VALID_FOR_MS,
    };
    const codeHash = await hashSecret(normaliseVoucherCode(code) as string);
    await tx.insert(vouchers).values({ ...made, tenantId: entered.tenantId, codeHash });
    const { plan, seats, months } = facts;
    return {
      result: { ...made, claimedAt: null, claimedTenantId: null, revokedAt: null, code },
      secrets: ["code"],
      audit: { action: "voucher.created", subject: made.id, detail: { plan, seats, months } },
    };
  });
}
