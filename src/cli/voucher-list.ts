import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { counted, formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

export const Voucher = z.looseObject({
  id: z.string(),
  name: z.string(),
  plan: z.string(),
  seats: z.number().nullable(),
  months: z.number().nullable(),
  valid_until: z.number(),
  claimed_at: z.number().nullable(),
  claimed_tenant_id: z.string().nullable(),
  revoked_at: z.number().nullable(),
});
type Voucher = z.infer<typeof Voucher>;

/** What a 403 means to these commands. */
export function vouchersAlone(permission: string) {
  return { forbidden: `Vouchers are for keys of the platform owner with ${permission}` };
}

/** What it gives, in one phrase. */
export function givenText({ plan, seats, months }: Pick<Voucher, "plan" | "seats" | "months">): string {
  const people = seats === null ? "any number of seats" : counted(seats, "seat");
  return `${plan} with ${people}${months === null ? "" : ` for ${counted(months, "month")}`}`;
}

export const voucherListCommand: Command = {
  name: "voucher list",
  summary: "list vouchers, newest first, without their codes",
  notes: ["Ended ones stay in the list for 30 days. For keys of the platform owner."],
  example: "voucher list",
  run: async ({ configuration, now, style }) => {
    const api = new Api(configuration, "operator");
    const vouchers = await api.all("/api/v1/vouchers", Voucher, vouchersAlone("vouchers:read"));
    return { json: { vouchers }, text: vouchersText(vouchers, now(), style) };
  },
};

export function vouchersText(vouchers: readonly Voucher[], nowMs: number, style?: Style): string[] {
  if (vouchers.length === 0) return ["There are no vouchers: make one with npm run ebb -- voucher create --name ...."];
  const state = ({ claimed_at, claimed_tenant_id, revoked_at, valid_until }: Voucher) => {
    if (claimed_at !== null) return `claimed ${formatSeconds(claimed_at)} by ${claimed_tenant_id}`;
    if (revoked_at !== null) return `revoked ${formatSeconds(revoked_at)}`;
    return `${valid_until * 1000 <= nowMs ? "ended" : "until"} ${formatSeconds(valid_until)}`;
  };
  return formatTable(
    [{ title: "NAME" }, { title: "GIVES" }, { title: "STATE (UTC)" }, { title: "ID" }],
    vouchers.map((voucher) => [voucher.name, givenText(voucher), state(voucher), voucher.id]),
    style,
  );
}
