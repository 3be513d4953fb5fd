import { DAY, days, HOUR, hours, minutes, months, type Window } from "./calendar.ts";

/**
 * The retention schedule once more, by hand and table by table, from the table in the design: what the oracles of the test
 * go by. Nothing here is derived from `src/privacy`, or both could be wrong together.
 */
export interface Kept {
  table: string;
  /** SQL over a row that tells it from all others, in columns that the purge may read. */
  key: string;
  /** Moments from which it is kept, each with its window; it ends with the first. `per`: from the start of that unit. */
  ends: readonly { column: string; window: Window; per?: bigint }[];
  /** Ends 30 days after its tenant's account was closed. */
  closes: boolean;
  anonymisedAfter?: Window;
  /** How its partitions are cut. */
  partitions?: "day" | "month" | "quarter";
}

type More = Partial<Pick<Kept, "key" | "closes" | "anonymisedAfter" | "partitions">>;
const end = (column: string, window: Window, per?: bigint) => ({ column, window, ...(per !== undefined && { per }) });
function kept(table: string, ends: Kept["ends"], { key = "id::text", closes = true, ...more }: More = {}): Kept {
  return { table, key, ends, closes, ...more };
}

const WEEK = days(7);
const subscription = (window: Window) => [end("removed_at", window), end("subscription_ended_at", window)];
const byDay = (key?: string) => ({ partitions: "day", ...(key !== undefined && { key }) }) as const;
const LAW = { closes: false } as const;
const TENANTLESS = { closes: false } as const;
const EVENT = { closes: false, partitions: "month" } as const;

/** Children before their parents. */
export const KEPT: readonly Kept[] = [
  kept("straight_windows", [end("minute", minutes(1))], {
    key: "(extract(epoch from minute) * 1000000)::bigint::text",
  }),
  kept("gate_heartbeats", [end("heard_at", WEEK)], { key: "gate_id" }),
  kept("purge_progress", [end("started_at", WEEK)], { key: "run_id::text", ...TENANTLESS }),
  kept("legal_holds", [end("closed_at", months(24))], LAW),
  kept("rights_requests", [end("closed_at", months(24))], LAW),
  kept("billing_records", [end("issued_at", months(84))], { ...LAW, partitions: "quarter" }),
  kept("purge_receipts", [end("recorded_at", months(84))], { ...TENANTLESS, partitions: "quarter" }),
  kept("audit_entries", [end("recorded_at", months(84))], { ...LAW, partitions: "quarter" }),
  kept("outbox", [end("delivered_at", WEEK)]),
  kept("retention_windows", [end("superseded_at", months(24)), end("subscription_ended_at", months(24))]),
  kept("dead_letters", [end("recorded_at", WEEK)]),
  kept("identity_providers", subscription(days(90))),
  kept("brands", subscription(days(90))),
  kept("mail_outbox", [end("recorded_at", WEEK)]),
  kept("idempotency_records", [end("recorded_at", hours(24))], { key: "key" }),
  kept("unclaimed_registrations", [end("registered_at", hours(24))], TENANTLESS),
  kept("token_families", [end("renewed_at", days(90))]),
  kept("refresh_tokens", [end("issued_at", days(90))]),
  kept("sessions", [end("issued_at", days(90)), end("closed_at", days(30))], TENANTLESS),
  kept("login_states", [end("issued_at", minutes(10))], TENANTLESS),
  kept("authorization_codes", [end("issued_at", minutes(10))]),
  kept("device_codes", [end("issued_at", minutes(10))]),
  kept("security_events", [end("recorded_at", months(12))], EVENT),
  kept("authentication_events", [end("recorded_at", months(12))], EVENT),
  kept("active_instance_counts", [end("day", months(26), DAY)], { ...EVENT, key: "version" }),
  kept("website_visits", [end("recorded_at", months(26))], { ...EVENT, anonymisedAfter: months(14) }),
  kept("ai_usage", [end("recorded_at", months(12))], { partitions: "month" }),
  // Or what its tenant's own windows say.
  kept("tool_executions", [end("recorded_at", months(12))], { partitions: "month" }),
  kept("feature_usage", [end("bucket", months(12), HOUR)], { key: "instance_id::text", partitions: "month" }),
  kept("profile_fetches", [end("bucket", months(12), HOUR)], { key: "instance_id::text", partitions: "month" }),
  kept("user_sessions", [end("bucket", months(12), HOUR)], { key: "instance_id::text", partitions: "month" }),
  kept("performance_samples", [end("bucket", days(90), DAY)], byDay()),
  kept("error_reports", [end("bucket", days(90), DAY)], byDay()),
  kept("metrics", [end("bucket", days(90), DAY)], byDay()),
  kept("pings", [end("bucket", days(30), DAY)], byDay("instance_id::text")),
  kept("encrypted_credentials", subscription(days(30))),
  kept("connections", subscription(days(30))),
  kept("profiles", subscription(days(30))),
  kept("vouchers", [end("claimed_at", days(30)), end("valid_until", days(30)), end("revoked_at", days(30))]),
  kept("invitations", [end("accepted_at", days(30)), end("valid_until", days(30)), end("revoked_at", days(30))]),
  kept("limit_allotments", subscription(days(90))),
  kept("limit_overrides", subscription(days(90))),
  kept("registration_keys", [
    end("used_up_at", days(30)),
    end("valid_until", days(30)),
    end("revoked_at", days(30)),
    end("subscription_ended_at", days(30)),
  ]),
  kept("credentials", [
    end("revoked_at", days(90)),
    end("valid_until", days(90)),
    end("subscription_ended_at", days(90)),
  ]),
  kept("instances", subscription(days(90))),
  kept("workspaces", subscription(days(90))),
  kept("memberships", subscription(days(90))),
  kept("people", [end("removed_at", days(90)), end("closed_at", days(30))], TENANTLESS),
  kept("subscriptions", [end("ended_at", days(90))]),
  kept("tenants", [end("ended_at", days(90)), end("closed_at", days(30))], TENANTLESS),
];

/** How long a tool execution is kept where its tenant has no window of its own, and everything of a closed account. */
export const OWN_WINDOW = { table: "tool_executions", anchor: "recorded_at", schedules: 12 } as const;
export const AFTER_CLOSING = days(30);
