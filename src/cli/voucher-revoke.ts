import * as z from "zod";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { givenId } from "./given-id.ts";
import { vouchersAlone } from "./voucher-list.ts";

const Revoked = z.looseObject({ id: z.string() });

export const voucherRevokeCommand: Command = {
  name: "voucher revoke",
  summary: "revoke a voucher that nobody has claimed",
  notes: ["What a claimed one has given is changed with tenant plan. For keys of the platform owner."],
  argument: { name: "voucher_id", what: "which one, as voucher list shows it" },
  example: "voucher revoke vch_01KAHJ8888A1B2C3D4E5F6G7H8",
  run: async ({ argument, configuration }) => {
    const id = givenId(argument, "voucher", "voucher revoke", "voucher list");
    const meanings = {
      ...vouchersAlone("vouchers:write"),
      conflict: "It was claimed: tenant plan changes what it gave",
    };
    const revoked = await new Api(configuration, "operator").delete(`/api/v1/vouchers/${id}`, Revoked, meanings);
    return { json: revoked, text: [`${revoked.id} is revoked: nobody claims it any more.`] };
  },
};
