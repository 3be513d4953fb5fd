import type { Declared } from "../declared-type.ts";
import { addsAny, device, id, operational, processors, reads, retention, seesAll, usage } from "./shorthand.ts";

/** What instances tell, and what storing it needs. */
export const pings: Declared<"pings"> = {
  what: "That an instance was alive, or its health checked, on a day, and its operating system.",
  retention: "alive-pings",
  anchor: { at: "bucket", column: "bucket", granularity: "day" },
  layout: { kind: "partitioned", by: "day" },
  subject: "instance_id",
  key: ["tenant_id", "instance_id", "kind", "bucket", "expires_at"],
  access: {
    ebb_app: [reads()],
    ebb_ingest: [{ command: "insert", reach: "unexpired" }],
    ebb_maint: [seesAll, addsAny],
  },
  holds: "honoured",
  recipients: processors,
  columns: {
    tenantId: id,
    instanceId: id,
    kind: usage,
    bucket: usage,
    osKind: device,
    osName: device,
    osVersion: device,
    expiresAt: retention,
  },
};

export const deadLetters: Declared<"deadLetters"> = {
  what: "A journal row that Postgres would not take, and why.",
  retention: "dead-letters",
  anchor: { at: "column", columns: ["recorded_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access: { ebb_app: [reads()], ebb_ingest: [{ command: "insert", reach: "unexpired" }] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    gateId: id,
    reason: operational,
    body: usage,
    recordedAt: usage,
    expiresAt: retention,
  },
};

export const gateHeartbeats: Declared<"gateHeartbeats"> = {
  what: "When a gate last flushed, what it counted, and how much it still held.",
  retention: "dead-letters",
  anchor: { at: "column", columns: ["heard_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["gate_id"],
  access: {
    ebb_app: [reads()],
    ebb_maint: [
      seesAll,
      addsAny,
      {
        command: "update",
        reach: "all",
        columns: ["heard_at", "pending", "recorded", "repeated", "expired", "gone", "dead"],
      },
    ],
  },
  holds: "ignored",
  recipients: processors,
  columns: {
    gateId: id,
    tenantId: id,
    heardAt: operational,
    pending: operational,
    recorded: operational,
    repeated: operational,
    expired: operational,
    gone: operational,
    dead: operational,
    expiresAt: retention,
  },
};

export const straightWindows: Declared<"straightWindows"> = {
  what: "How many pings of a tenant took the straight way in one minute.",
  retention: "gate-windows",
  anchor: { at: "column", columns: ["minute"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["tenant_id", "minute"],
  access: { ebb_maint: [seesAll, addsAny, { command: "update", reach: "all", columns: ["used"] }] },
  holds: "ignored",
  recipients: processors,
  columns: { tenantId: id, minute: operational, used: operational, expiresAt: retention },
};
