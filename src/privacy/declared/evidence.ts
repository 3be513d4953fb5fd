import type { Declared } from "../declared-type.ts";
import {
  addsAny,
  addsTarget,
  evidence,
  id,
  operational,
  processors,
  reads,
  receipt,
  retention,
  secretHash,
  seesAll,
} from "./shorthand.ts";

/** What was changed, and who must still hear of it. */
export const outbox: Declared<"outbox"> = {
  what: "A change that a gate must hear of.",
  retention: "outbox-rows",
  anchor: { at: "column", columns: ["delivered_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access: {
    ebb_app: [addsTarget],
    ebb_maint: [seesAll, addsAny, { command: "update", reach: "all", columns: ["delivered_at"] }],
  },
  holds: "ignored",
  recipients: processors,
  columns: {
    id: operational,
    tenantId: id,
    gateId: id,
    message: secretHash,
    recordedAt: operational,
    deliveredAt: operational,
    expiresAt: retention,
  },
};

export const auditEntries: Declared<"auditEntries"> = {
  what: "Who changed what, when: appended to by one function, never changed.",
  retention: "audit-entries",
  anchor: { at: "column", columns: ["recorded_at"] },
  layout: { kind: "partitioned", by: "quarter" },
  subject: "actor_id",
  key: ["tenant_id", "id", "expires_at"],
  access: { ebb_app: [reads()], ebb_maint: [seesAll, addsAny] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id: evidence,
    tenantId: evidence,
    recordedAt: evidence,
    actorKind: evidence,
    actorId: evidence,
    action: evidence,
    subject: evidence,
    detail: evidence,
    requestId: evidence,
    expiresAt: retention,
  },
};

export const purgeReceipts: Declared<"purgeReceipts"> = {
  what: "What one run of the purge did to one table: counts and bounds, of nobody's data.",
  retention: "audit-entries",
  anchor: { at: "column", columns: ["recorded_at"] },
  layout: { kind: "partitioned", by: "quarter" },
  subject: null,
  key: ["id", "expires_at"],
  access: { ebb_app: [{ command: "select", reach: "unexpired" }], ebb_maint: [seesAll, addsAny] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id: receipt,
    runId: receipt,
    tableName: receipt,
    recordedAt: receipt,
    receipt,
    overdueMs: receipt,
    expiresAt: retention,
  },
};
