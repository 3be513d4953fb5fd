import { sql } from "drizzle-orm";
import type { UserCredential } from "../access/credential.ts";
import { hashSecret } from "../access/secret.ts";
import { idFromUuid, newId, uuidFromId } from "../core/id.ts";
import { Problem } from "../core/problem.ts";
import { bytesToSql } from "../db/columns.ts";
import type { Deps } from "../deps.ts";
import { deliverOutbox } from "../gate/outbox.ts";
import { type Context, mutate } from "../verb.ts";
import { normaliseVoucherCode } from "./code.ts";

interface Claimed extends Record<string, unknown> {
  voucher: string;
  plan: string;
  seats: number | null;
}

/**
 * Claims a voucher for the tenant entered, once: it is on the voucher's plan from now on, and for so long as that says.
 * For direct customers alone (`forbidden`). Throws `invalid-voucher` for a code that is nobody's, has ended or was
 * claimed, `already-subscribed` on that plan or a greater one, and `no-seat-left` where it has fewer seats than are taken.
 */
export async function claimVoucher(context: Context, code: string): Promise<void> {
  const gateId = await mutate(context, "billing:write", async (tx, entered) => {
    const hash = bytesToSql(await hashOf(code));
    const subscription = uuidFromId("subscription", newId("subscription", context.deps.clock.now()));
    const { rows } = await tx.execute<Claimed>(
      sql`select * from ebb.claim_voucher(${hash}::bytea, ${subscription}::uuid)`,
    );
    const [{ voucher, plan, seats }] = rows as [Claimed];
    return {
      result: entered.gateId,
      audit: { action: "voucher.claimed", subject: idFromUuid("voucher", voucher), detail: { plan, seats } },
    };
  });
  await deliverOutbox(context.deps, gateId);
}

/**
 * The same by a person on an instance, whose token was granted it: for the tenant whose instance it is, as far as the
 * person's role allows it there now, and audited as theirs. Throws `sign-in-ended` besides.
 */
export async function claimVoucherOfSignIn(
  deps: Deps,
  { familyId, personId, tenantId }: UserCredential,
  code: string,
  requestId: string,
): Promise<void> {
  const [row] = await deps.app.ask("select ebb.claim_voucher_of_sign_in($1, $2, $3, $4, $5) as gate", [
    uuidFromId("tokenFamily", familyId),
    uuidFromId("person", personId),
    uuidFromId("tenant", tenantId),
    bytesToSql(await hashOf(code)),
    requestId,
  ]);
  await deliverOutbox(deps, row?.["gate"] as string);
}

/** What is no code is looked up nowhere. */
async function hashOf(code: string): Promise<Uint8Array> {
  const letters = normaliseVoucherCode(code);
  if (letters === null) throw new Problem("invalid-voucher");
  return await hashSecret(letters);
}
