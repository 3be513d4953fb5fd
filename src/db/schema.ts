/**
 * The tables. Every one ends in `expires_at`: the instant from which a row is unreadable and may be deleted. State
 * tables have it set by a trigger, event tables are partitioned by it (the partitioning clause stands in the migration:
 * Drizzle cannot express it). A reference inside a tenant carries the tenant with it, so that no row leans on another
 * tenant's, or keeps it from being purged. Whatever is added here must be declared in `src/privacy/inventory.ts`, or
 * nothing compiles.
 */
export * from "./schema/accounts.ts";
export * from "./schema/billing.ts";
export * from "./schema/customer-data.ts";
export * from "./schema/diagnostics.ts";
export * from "./schema/evidence.ts";
export * from "./schema/gates.ts";
export * from "./schema/instances.ts";
export * from "./schema/limits.ts";
export * from "./schema/login.ts";
export * from "./schema/mail.ts";
export * from "./schema/requests.ts";
export * from "./schema/retention.ts";
export * from "./schema/rights.ts";
export * from "./schema/security.ts";
export * from "./schema/statistics.ts";
export * from "./schema/telemetry.ts";
export * from "./schema/usage.ts";
