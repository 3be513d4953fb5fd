import type { Role } from "./declaration.ts";

/** The functions in schema `ebb` and who may execute each: whatever is not named here is for `ebb_maint` alone. */
export const FUNCTIONS: Record<string, readonly Role[]> = {
  "clock()": ["ebb_app", "ebb_ingest", "ebb_purge", "ebb_jobs"],
  "expiry(timestamptz, interval)": ["ebb_app", "ebb_ingest", "ebb_purge", "ebb_jobs"],
  "tenant()": ["ebb_app"],
  "context()": [],
  "seal(text, uuid, uuid, uuid)": [],
  "enter(bytea, uuid)": ["ebb_app"],
  "append_audit(uuid, text, text, text, text)": ["ebb_app"],
  "limit_family(uuid)": ["ebb_app"],
  "override_limit(uuid, text, integer)": ["ebb_app"],
  "allot_limit(uuid, uuid, text, integer)": ["ebb_app"],
  "post(uuid, jsonb)": ["ebb_app"],
  "post_revoked_key(uuid)": ["ebb_app"],
  "subscription_anchor()": [],
  "subscription_end()": [],
  "assert_sighted(regclass)": [],
  "partitions(regclass)": ["ebb_jobs", "ebb_purge"],
  "create_partitions(regclass, text, timestamptz, timestamptz)": ["ebb_jobs"],
  "drop_expired_partition(regclass)": ["ebb_purge"],
  "assert_purge_sees(regclass)": ["ebb_purge"],
  "straight_ping(uuid, uuid, timestamptz, text, timestamptz, timestamptz, text, text, text, timestamptz, integer)": [
    "ebb_ingest",
  ],
  "heartbeat(text, uuid, integer, bigint, bigint, bigint, bigint, bigint)": ["ebb_ingest"],
  "silent_gates(interval, integer)": ["ebb_jobs"],
  "outbox_gates(text[], integer)": ["ebb_jobs"],
  "outbox_pending(text, bigint, integer)": ["ebb_jobs"],
  "outbox_delivered(bigint[])": ["ebb_jobs"],
};
