import type { Declared } from "../declared-type.ts";
import { device, fault, id, processors, retention, seesAll, software, usage } from "./shorthand.ts";

/** How instances fare. Nobody writes or reads these yet: access comes with the features. */
const byDay = {
  retention: "diagnostics",
  anchor: { at: "bucket", column: "bucket", granularity: "day" },
  layout: { kind: "partitioned", by: "day" },
  subject: "instance_id",
  key: ["tenant_id", "id", "expires_at"],
  access: { ebb_maint: [seesAll] },
  holds: "honoured",
  recipients: processors,
} as const;

export const metrics: Declared<"metrics"> = {
  what: "A number that an instance measured of itself.",
  ...byDay,
  columns: {
    id,
    tenantId: id,
    instanceId: id,
    bucket: usage,
    receivedAt: usage,
    name: usage,
    unit: usage,
    value: usage,
    expiresAt: retention,
  },
};

export const errorReports: Declared<"errorReports"> = {
  what: "An error in the software of an instance, sanitised.",
  ...byDay,
  columns: {
    id,
    tenantId: id,
    instanceId: id,
    bucket: usage,
    receivedAt: usage,
    type: fault,
    fingerprint: fault,
    stackTrace: fault,
    appVersion: software,
    osKind: device,
    expiresAt: retention,
  },
};

export const performanceSamples: Declared<"performanceSamples"> = {
  what: "How long an operation took in an instance.",
  ...byDay,
  columns: {
    id,
    tenantId: id,
    instanceId: id,
    bucket: usage,
    receivedAt: usage,
    operation: usage,
    durationMs: usage,
    appVersion: software,
    expiresAt: retention,
  },
};
