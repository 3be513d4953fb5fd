import * as z from "zod";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { tenantNamed } from "./limits-tenant.ts";
import { durationText } from "./limits-text.ts";
import { counted, formatCount, formatInstant, formatTable } from "./table.ts";
import { PLAIN, type Style } from "./terminal.ts";

const LAST = 20;
const MOST = 200;

const Receipt = z.looseObject({
  id: z.string(),
  run: z.string(),
  table: z.string(),
  receipt: z.looseObject({
    began_at: z.string(),
    deleted: z.number(),
    anonymised: z.number(),
    blocked: z.number(),
    overdue_before_s: z.number().nullable(),
    finished: z.boolean(),
    interrupted: z.boolean(),
    errors: z.array(z.string()),
  }),
  canonical: z.string(),
});
export type Receipt = z.infer<typeof Receipt>;
const Receipts = z.looseObject({ data: z.array(Receipt), next_cursor: z.string().nullable() });

export const retentionReceiptsCommand: Command = {
  name: "retention receipts",
  summary: "show what the purge did to tables, newest first",
  notes: [
    "Every run of the purge leaves a receipt a table. Those of tables in which nothing was due are left out unless --idle asks for them.",
    "With --json each has its canonical text (RFC 8785), to hash it. Receipts are kept for 7 years.",
  ],
  options: {
    table: { type: "string", value: "name", what: "only of this table" },
    run: { type: "string", value: "uuid", what: "only of this run" },
    idle: { type: "boolean", what: "also of tables in which nothing was due" },
    last: { type: "string", value: "N", what: `so many of them, from 1 to ${MOST} (${LAST} when left out)` },
  },
  example: "retention receipts --table pings",
  run: async (call) => {
    const { options, style } = call;
    const [table, run] = [options.text("table"), options.text("run")];
    if (table !== null && !/^[a-z][a-z0-9_]{0,62}$/.test(table)) {
      throw new UsageFailure("--table is the name of a table: npm run ebb -- inventory shows them.");
    }
    if (run !== null && !z.uuid().safeParse(run).success) {
      throw new UsageFailure("--run is the uuid of a run, as receipts have it.");
    }
    const query = new URLSearchParams({
      limit: String(options.count("last", MOST) ?? LAST),
      ...(table !== null && { table }),
      ...(run !== null && { run }),
      ...(!options.flag("idle") && { touched: "true" }),
    });
    const { api } = tenantNamed(call);
    const { data, next_cursor } = await api.get(`/api/v1/retention/receipts?${query}`, Receipts, {
      forbidden: "This key may not read receipts: that takes retention:read",
    });
    const more = next_cursor !== null;
    return { json: { receipts: data, more }, text: receiptsText(data, { more, idle: options.flag("idle") }, style) };
  },
};

export function receiptsText(
  receipts: readonly Receipt[],
  { more, idle }: { more: boolean; idle: boolean },
  style: Style = PLAIN,
): string[] {
  if (receipts.length === 0) {
    return [idle ? "There is no such receipt." : "No such receipt tells of anything done: --idle shows the others."];
  }
  const [titles = "", ...rows] = formatTable(
    [
      { title: "BEGAN (UTC)" },
      { title: "TABLE" },
      { title: "DELETED", right: true },
      { title: "LATE BY", right: true },
      { title: "RECEIPT" },
      { title: "BESIDES" },
    ],
    receipts.map(({ id, table, receipt }) => [
      formatInstant(Date.parse(receipt.began_at)),
      table,
      formatCount(receipt.deleted),
      durationText(receipt.overdue_before_s),
      id,
      besides(receipt),
    ]),
    style,
  );
  return [
    titles,
    ...rows.map((row, at) => (receipts[at]?.receipt.finished ? row : style.bad(row))),
    ...(more ? ["", style.faint(`There are more: --last shows up to ${MOST}.`)] : []),
  ];
}

function besides({ anonymised, blocked, finished, interrupted, errors }: Receipt["receipt"]): string {
  const end = interrupted ? "died" : `not finished: ${errors.join(", ") || "time was up"}`;
  return [
    ...(anonymised > 0 ? [`${formatCount(anonymised)} anonymised`] : []),
    ...(blocked > 0 ? [`${counted(blocked, "row")} blocked`] : []),
    ...(finished ? (errors.length > 0 ? [`tried again after ${errors.join(", ")}`] : []) : [end]),
  ].join(", ");
}
