import * as z from "zod";
import { DAY_MS } from "../core/clock.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { formatSeconds } from "./table.ts";
import { printable } from "./terminal.ts";
import { givenText, Voucher, vouchersAlone } from "./voucher-list.ts";

const PLANS = ["team", "enterprise"] as const;
const Created = Voucher.extend({ code: z.string().nullable() });

export const voucherCreateCommand: Command = {
  name: "voucher create",
  summary: "make a code that puts one account on a plan, shown once",
  notes: ["A direct customer claims it, once. For keys of the platform owner."],
  options: {
    name: { type: "string", value: "text", required: true, what: "what it is for" },
    plan: { type: "string", value: PLANS.join("|"), required: true, what: "the plan that it gives" },
    seats: { type: "string", value: "number", what: "how many people may hold a seat; any number when left out" },
    months: { type: "string", value: "number", what: "how long the plan lasts; until it is changed when left out" },
    "valid-days": { type: "string", value: "days", what: "for how many days it can be claimed; a year when left out" },
  },
  example: 'voucher create --name "Conference 2026" --plan team --seats 10 --months 12',
  run: async ({ options, configuration, style, now }) => {
    const plan = options.choice("plan", PLANS);
    if (plan === null) throw new UsageFailure(`--plan is one of ${PLANS.join(", ")}.`);
    const days = options.count("valid-days", 3650);
    const body = {
      name: options.text("name"),
      plan,
      seats: options.count("seats", 1_000_000),
      months: options.count("months", 120),
      valid_until: days === null ? null : Math.floor((now() + days * DAY_MS) / 1000),
    };
    const api = new Api(configuration, "operator");
    const made = await api.post("/api/v1/vouchers", body, Created, vouchersAlone("vouchers:write"));
    return {
      json: made,
      text: [
        `The code of the voucher “${printable(made.name)}”, shown only this once and not kept anywhere:`,
        "",
        `  ${style.strong(printable(made.code ?? "–"))}`,
        "",
        `It gives ${givenText(made)}, and can be claimed until ${formatSeconds(made.valid_until)} UTC.`,
      ],
    };
  },
};
