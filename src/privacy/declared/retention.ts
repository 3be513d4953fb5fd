import type { Declared } from "../declared-type.ts";
import { account, addsAny, ends, id, operational, processors, readsTarget, retention, seesAll } from "./shorthand.ts";

/** What forgetting itself must remember. */
export const retentionWindows: Declared<"retentionWindows"> = {
  what: "A tenant's own window for a class of data that allows one.",
  retention: "window-settings",
  anchor: { at: "column", columns: ["superseded_at", "subscription_ended_at"] },
  layout: { kind: "state" },
  subject: "tenant_id",
  key: ["id"],
  access: { ebb_app: [readsTarget], ebb_maint: [seesAll, addsAny, ends("superseded_at", "subscription_ended_at")] },
  holds: "honoured",
  recipients: processors,
  columns: {
    id,
    tenantId: id,
    retentionClass: account,
    months: account,
    setAt: account,
    effectiveAt: account,
    supersededAt: account,
    subscriptionEndedAt: account,
    expiresAt: retention,
  },
};

export const purgeProgress: Declared<"purgeProgress"> = {
  what: "What a run of the purge has done to a table so far; its receipt takes its place.",
  retention: "dead-letters",
  anchor: { at: "column", columns: ["started_at"] },
  layout: { kind: "state" },
  subject: null,
  key: ["run_id", "table_name"],
  access: {
    ebb_maint: [
      seesAll,
      addsAny,
      ends("deleted", "anonymised", "blocked", "partitions", "earliest", "latest"),
      { command: "delete", reach: "all" },
    ],
  },
  holds: "ignored",
  recipients: processors,
  columns: {
    runId: operational,
    tableName: operational,
    startedAt: operational,
    overdueMs: operational,
    deleted: operational,
    anonymised: operational,
    blocked: operational,
    partitions: operational,
    earliest: operational,
    latest: operational,
    expiresAt: retention,
  },
};
