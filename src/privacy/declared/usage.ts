import type { Declared } from "../declared-type.ts";
import { addsAny, id, operational, processors, reads, retention, seesAll, usage } from "./shorthand.ts";

/** How the product is used. Nobody writes or reads these yet: access comes with the features. */
const byHour = {
  retention: "usage-events",
  anchor: { at: "bucket", column: "bucket", granularity: "hour" },
  layout: { kind: "partitioned", by: "month" },
  subject: "instance_id",
  access: { ebb_maint: [seesAll] },
  holds: "honoured",
  recipients: processors,
} as const;

const byInstant = {
  anchor: { at: "column", columns: ["recorded_at"] },
  layout: { kind: "partitioned", by: "month" },
  subject: "person_id",
  key: ["tenant_id", "id", "expires_at"],
  access: { ebb_maint: [seesAll] },
  holds: "honoured",
  recipients: processors,
} as const;

/** A person's sign-in on an instance; written by the flush of a gate. */
const asked = {
  ...byHour,
  subject: "person_id",
  key: ["tenant_id", "instance_id", "person_id", "bucket", "expires_at"],
  access: { ebb_ingest: [{ command: "insert", reach: "unexpired" }], ebb_maint: [seesAll, addsAny] },
  columns: { tenantId: id, instanceId: id, personId: id, bucket: usage, expiresAt: retention },
} as const;

export const userSessions: Declared<"userSessions"> = {
  what: "That an instance asked in an hour whether a person is still signed in.",
  ...asked,
};

export const profileFetches: Declared<"profileFetches"> = {
  what: "That an instance fetched a person's profile in an hour.",
  ...asked,
};

export const featureUsage: Declared<"featureUsage"> = {
  what: "How often an instance used a feature in an hour.",
  ...byHour,
  key: ["tenant_id", "instance_id", "feature", "bucket", "expires_at"],
  columns: { tenantId: id, instanceId: id, feature: usage, bucket: usage, uses: usage, expiresAt: retention },
};

export const toolExecutions: Declared<"toolExecutions"> = {
  what: "That a tool ran, and how it went; not its arguments, nor what it returned.",
  retention: "tool-execution-logs",
  ...byInstant,
  access: { ebb_app: [reads()], ebb_maint: [seesAll] },
  columns: {
    id,
    tenantId: id,
    instanceId: id,
    personId: id,
    tool: usage,
    status: usage,
    durationMs: usage,
    recordedAt: usage,
    expiresAt: retention,
  },
};

export const aiUsage: Declared<"aiUsage"> = {
  what: "What a call of a model consumed; never its messages.",
  retention: "ai-usage",
  ...byInstant,
  columns: {
    id,
    tenantId: id,
    instanceId: id,
    personId: id,
    provider: operational,
    model: operational,
    inputTokens: usage,
    outputTokens: usage,
    costMicroUsd: usage,
    recordedAt: usage,
    expiresAt: retention,
  },
};
