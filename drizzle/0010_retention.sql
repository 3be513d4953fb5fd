-- What forgetting must remember (a tenant's own windows, how far a run of the purge has come), the closing of accounts,
-- and indexes by which the purge finds its rows. Builds indexes, and holds the locks of that until the end: on a large
-- database in quiet hours.
CREATE TABLE "purge_progress" (
	"run_id" uuid NOT NULL,
	"table_name" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"overdue_ms" bigint NOT NULL,
	"deleted" bigint NOT NULL,
	"anonymised" bigint NOT NULL,
	"blocked" bigint NOT NULL,
	"partitions" jsonb NOT NULL,
	"earliest" timestamp with time zone,
	"latest" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "purge_progress_run_id_table_name_pk" PRIMARY KEY("run_id","table_name")
);
--> statement-breakpoint
CREATE TABLE "retention_windows" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"retention_class" text NOT NULL,
	"months" integer NOT NULL,
	"set_at" timestamp with time zone NOT NULL,
	"effective_at" timestamp with time zone NOT NULL,
	"superseded_at" timestamp with time zone,
	"subscription_ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
DROP INDEX "connections_expires";--> statement-breakpoint
DROP INDEX "encrypted_credentials_expires";--> statement-breakpoint
DROP INDEX "profiles_expires";--> statement-breakpoint
DROP INDEX "outbox_expires";--> statement-breakpoint
DROP INDEX "credentials_expires";--> statement-breakpoint
DROP INDEX "registration_keys_expires";--> statement-breakpoint
DROP INDEX "limit_allotments_expires";--> statement-breakpoint
DROP INDEX "limit_overrides_expires";--> statement-breakpoint
DROP INDEX "authorization_codes_expires";--> statement-breakpoint
DROP INDEX "device_codes_expires";--> statement-breakpoint
DROP INDEX "invitations_expires";--> statement-breakpoint
DROP INDEX "login_states_expires";--> statement-breakpoint
DROP INDEX "refresh_tokens_expires";--> statement-breakpoint
DROP INDEX "sessions_expires";--> statement-breakpoint
DROP INDEX "mail_outbox_expires";--> statement-breakpoint
DROP INDEX "idempotency_records_expires";--> statement-breakpoint
DROP INDEX "unclaimed_registrations_expires";--> statement-breakpoint
DROP INDEX "legal_holds_expires";--> statement-breakpoint
DROP INDEX "rights_requests_expires";--> statement-breakpoint
DROP INDEX "dead_letters_expires";--> statement-breakpoint
ALTER TABLE "people" ADD COLUMN "closed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "closed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "closed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "gate_emptied_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "purge_receipts" ADD COLUMN "overdue_ms" bigint;--> statement-breakpoint
ALTER TABLE "legal_holds" ADD COLUMN "subject_kind" text;--> statement-breakpoint
CREATE INDEX "memberships_tenant" ON "memberships" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "tenants_parent" ON "tenants" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "profiles_tenant" ON "profiles" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "gate_heartbeats_tenant" ON "gate_heartbeats" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "outbox_tenant" ON "outbox" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "limit_allotments_tenant" ON "limit_allotments" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "limit_overrides_tenant" ON "limit_overrides" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "authorization_codes_tenant" ON "authorization_codes" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_tenant" ON "refresh_tokens" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "mail_outbox_tenant" ON "mail_outbox" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "purge_progress_expires" ON "purge_progress" USING btree ("expires_at","run_id","table_name");--> statement-breakpoint
CREATE INDEX "retention_windows_tenant" ON "retention_windows" USING btree ("tenant_id","retention_class");--> statement-breakpoint
CREATE INDEX "retention_windows_expires" ON "retention_windows" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "memberships_person" ON "memberships" USING btree ("person_id");--> statement-breakpoint
CREATE INDEX "memberships_expires" ON "memberships" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "people_expires" ON "people" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "subscriptions_expires" ON "subscriptions" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "tenants_expires" ON "tenants" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "tenants_closed" ON "tenants" USING btree ("closed_at") WHERE closed_at is not null;--> statement-breakpoint
CREATE INDEX "workspaces_expires" ON "workspaces" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "billing_records_expires" ON "billing_records" USING btree ("expires_at","tenant_id","id");--> statement-breakpoint
CREATE INDEX "audit_entries_expires" ON "audit_entries" USING btree ("expires_at","tenant_id","id");--> statement-breakpoint
CREATE INDEX "purge_receipts_expires" ON "purge_receipts" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "purge_receipts_overdue" ON "purge_receipts" USING btree ("overdue_ms");--> statement-breakpoint
CREATE INDEX "purge_receipts_run" ON "purge_receipts" USING btree ("run_id","id");--> statement-breakpoint
CREATE INDEX "purge_receipts_table" ON "purge_receipts" USING btree ("table_name","id");--> statement-breakpoint
CREATE INDEX "purge_receipts_touched" ON "purge_receipts" USING btree ("id") WHERE receipt not like '{"anonymised":0,%"blocked":0,%"deleted":0,%"errors":[],%"finished":true,%"partitions":[],%';--> statement-breakpoint
CREATE INDEX "gate_heartbeats_expires" ON "gate_heartbeats" USING btree ("expires_at","gate_id");--> statement-breakpoint
CREATE INDEX "straight_windows_expires" ON "straight_windows" USING btree ("expires_at","tenant_id","minute");--> statement-breakpoint
CREATE INDEX "credentials_person" ON "credentials" USING btree ("person_id");--> statement-breakpoint
CREATE INDEX "instances_expires" ON "instances" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "authentication_events_expires" ON "authentication_events" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "security_events_expires" ON "security_events" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "active_instance_counts_expires" ON "active_instance_counts" USING btree ("expires_at","day","version");--> statement-breakpoint
CREATE INDEX "website_visits_expires" ON "website_visits" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "website_visits_plain" ON "website_visits" USING btree ("expires_at","id") WHERE anonymised_at is null;--> statement-breakpoint
CREATE INDEX "ai_usage_expires" ON "ai_usage" USING btree ("expires_at","tenant_id","id");--> statement-breakpoint
CREATE INDEX "feature_usage_expires" ON "feature_usage" USING btree ("expires_at","tenant_id","instance_id","feature","bucket");--> statement-breakpoint
CREATE INDEX "profile_fetches_expires" ON "profile_fetches" USING btree ("expires_at","tenant_id","instance_id","bucket");--> statement-breakpoint
CREATE INDEX "tool_executions_recorded" ON "tool_executions" USING btree ("tenant_id","recorded_at");--> statement-breakpoint
CREATE INDEX "tool_executions_expires" ON "tool_executions" USING btree ("expires_at","tenant_id","id");--> statement-breakpoint
CREATE INDEX "user_sessions_expires" ON "user_sessions" USING btree ("expires_at","tenant_id","id");--> statement-breakpoint
CREATE INDEX "connections_expires" ON "connections" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "encrypted_credentials_expires" ON "encrypted_credentials" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "profiles_expires" ON "profiles" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "outbox_expires" ON "outbox" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "credentials_expires" ON "credentials" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "registration_keys_expires" ON "registration_keys" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "limit_allotments_expires" ON "limit_allotments" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "limit_overrides_expires" ON "limit_overrides" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "authorization_codes_expires" ON "authorization_codes" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "device_codes_expires" ON "device_codes" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "invitations_expires" ON "invitations" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "login_states_expires" ON "login_states" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_expires" ON "refresh_tokens" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "sessions_expires" ON "sessions" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "mail_outbox_expires" ON "mail_outbox" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "idempotency_records_expires" ON "idempotency_records" USING btree ("expires_at","tenant_id","key");--> statement-breakpoint
CREATE INDEX "unclaimed_registrations_expires" ON "unclaimed_registrations" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "legal_holds_expires" ON "legal_holds" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "rights_requests_expires" ON "rights_requests" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "dead_letters_expires" ON "dead_letters" USING btree ("expires_at","id");--> statement-breakpoint
ALTER TABLE "legal_holds" ADD CONSTRAINT "legal_holds_of_something" CHECK (num_nonnulls(tenant_id, subject_id, retention_class) > 0);