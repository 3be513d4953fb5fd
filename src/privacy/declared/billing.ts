import type { Declared } from "../declared-type.ts";
import { processors, retention, seesAll, transaction } from "./shorthand.ts";

/** What the law wants kept of payments. Nobody writes or reads it yet. */
export const billingRecords: Declared<"billingRecords"> = {
  what: "An invoice or a credit note.",
  retention: "billing-records",
  anchor: { at: "column", columns: ["issued_at"] },
  layout: { kind: "partitioned", by: "quarter" },
  subject: "tenant_id",
  key: ["tenant_id", "id", "expires_at"],
  access: { ebb_maint: [seesAll] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id: transaction,
    tenantId: transaction,
    kind: transaction,
    number: transaction,
    billedTo: { ...transaction, category: "Name" },
    currency: transaction,
    amountMinor: transaction,
    taxMinor: transaction,
    periodStartAt: transaction,
    periodEndAt: transaction,
    issuedAt: transaction,
    expiresAt: retention,
  },
};
