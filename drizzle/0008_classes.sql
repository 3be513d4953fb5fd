-- A table for every class of the retention schedule, and when the subscription ended of whatever is kept until then; as
-- drizzle-kit writes it from src/db/schema.ts. By hand: the partitioning clauses and the owner of the partitioned tables.
-- Adding a column that may be null, and a reference, locks the altered and the referenced tables for a moment each;
-- only the check of `subscriptions` reads its table, which has few rows.
CREATE TABLE "billing_records" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"number" text NOT NULL,
	"billed_to" text NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"tax_minor" bigint NOT NULL,
	"period_start_at" timestamp with time zone NOT NULL,
	"period_end_at" timestamp with time zone NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "billing_records_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "connections" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"subscription_ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "connections_tenant_id_id" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "encrypted_credentials" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"connection_id" uuid NOT NULL,
	"key_id" text NOT NULL,
	"nonce" "bytea" NOT NULL,
	"ciphertext" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"subscription_ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "profiles" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"display_name" text,
	"language" text,
	"preferences" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"subscription_ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "error_reports" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"type" text NOT NULL,
	"fingerprint" text NOT NULL,
	"stack_trace" text,
	"app_version" text,
	"os_kind" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "error_reports_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "metrics" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"name" text NOT NULL,
	"unit" text,
	"value" double precision NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "metrics_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "performance_samples" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"operation" text NOT NULL,
	"duration_ms" double precision NOT NULL,
	"app_version" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "performance_samples_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "purge_receipts" (
	"id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"table_name" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"receipt" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "purge_receipts_id_expires_at_pk" PRIMARY KEY("id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "authorization_codes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"client_id" text NOT NULL,
	"person_id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"redirect_uri" text NOT NULL,
	"code_challenge" text NOT NULL,
	"scope" text NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_codes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"device_code_hash" "bytea" NOT NULL,
	"user_code_hash" "bytea" NOT NULL,
	"client_id" text NOT NULL,
	"scope" text NOT NULL,
	"person_id" uuid,
	"issued_at" timestamp with time zone NOT NULL,
	"approved_at" timestamp with time zone,
	"denied_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "invitations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"email" text NOT NULL,
	"role" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"invited_by" uuid NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"accepted_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"valid_until" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "invitations_hash_is_sha256" CHECK (octet_length(secret_hash) = 32)
);
--> statement-breakpoint
CREATE TABLE "login_states" (
	"id" uuid PRIMARY KEY NOT NULL,
	"state_hash" "bytea" NOT NULL,
	"issuer" text NOT NULL,
	"nonce" text NOT NULL,
	"code_verifier" "bytea" NOT NULL,
	"return_to" text,
	"issued_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "refresh_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"family_id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid,
	"person_id" uuid,
	"secret_hash" "bytea" NOT NULL,
	"scope" text NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "refresh_tokens_hash_is_sha256" CHECK (octet_length(secret_hash) = 32)
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"person_id" uuid NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "sessions_hash_is_sha256" CHECK (octet_length(secret_hash) = 32)
);
--> statement-breakpoint
CREATE TABLE "mail_outbox" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid,
	"recipient" text NOT NULL,
	"template" text NOT NULL,
	"parameters" jsonb NOT NULL,
	"attempts" integer NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"sent_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_records" (
	"tenant_id" uuid NOT NULL,
	"key" text NOT NULL,
	"route" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"status" integer NOT NULL,
	"response" jsonb,
	"recorded_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "idempotency_records_tenant_id_key_pk" PRIMARY KEY("tenant_id","key")
);
--> statement-breakpoint
CREATE TABLE "unclaimed_registrations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"gate_id" text NOT NULL,
	"registered_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "legal_holds" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid,
	"subject_id" uuid,
	"retention_class" text,
	"reason" text NOT NULL,
	"placed_by" uuid NOT NULL,
	"placed_at" timestamp with time zone NOT NULL,
	"review_at" timestamp with time zone NOT NULL,
	"closed_at" timestamp with time zone,
	"outcome" text,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rights_requests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"person_id" uuid,
	"kind" text NOT NULL,
	"requested_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"closed_at" timestamp with time zone,
	"outcome" text,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "authentication_events" (
	"id" uuid NOT NULL,
	"tenant_id" uuid,
	"recorded_at" timestamp with time zone NOT NULL,
	"event" text NOT NULL,
	"outcome" text NOT NULL,
	"actor_kind" text,
	"actor_id" uuid,
	"reason" text,
	"request_id" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "authentication_events_id_expires_at_pk" PRIMARY KEY("id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "security_events" (
	"id" uuid NOT NULL,
	"tenant_id" uuid,
	"recorded_at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"severity" text NOT NULL,
	"actor_kind" text,
	"actor_id" uuid,
	"detail" text,
	"request_id" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "security_events_id_expires_at_pk" PRIMARY KEY("id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "active_instance_counts" (
	"day" timestamp with time zone NOT NULL,
	"version" text NOT NULL,
	"instances" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "active_instance_counts_day_version_expires_at_pk" PRIMARY KEY("day","version","expires_at"),
	CONSTRAINT "active_instance_counts_at_least_ten" CHECK (instances >= 10)
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "website_visits" (
	"id" uuid NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"visitor_id" text,
	"path" text NOT NULL,
	"referrer" text,
	"language" text,
	"browser" text,
	"anonymised_at" timestamp with time zone,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "website_visits_id_expires_at_pk" PRIMARY KEY("id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "ai_usage" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid,
	"person_id" uuid,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"input_tokens" integer NOT NULL,
	"output_tokens" integer NOT NULL,
	"cost_micro_usd" bigint NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "ai_usage_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "feature_usage" (
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"feature" text NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"uses" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "feature_usage_tenant_id_instance_id_feature_bucket_expires_at_pk" PRIMARY KEY("tenant_id","instance_id","feature","bucket","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "profile_fetches" (
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"fetches" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "profile_fetches_tenant_id_instance_id_bucket_expires_at_pk" PRIMARY KEY("tenant_id","instance_id","bucket","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "tool_executions" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid,
	"person_id" uuid,
	"tool" text NOT NULL,
	"status" text NOT NULL,
	"duration_ms" integer NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "tool_executions_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "user_sessions" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"duration_s" integer NOT NULL,
	"app_version" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "user_sessions_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "limit_allotments" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "limit_overrides" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "registration_keys" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "subscription_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "encrypted_credentials" ADD CONSTRAINT "encrypted_credentials_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "encrypted_credentials" ADD CONSTRAINT "encrypted_credentials_connection_fk" FOREIGN KEY ("tenant_id","connection_id") REFERENCES "public"."connections"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "connections_expires" ON "connections" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "encrypted_credentials_connection" ON "encrypted_credentials" USING btree ("tenant_id","connection_id");--> statement-breakpoint
CREATE INDEX "encrypted_credentials_expires" ON "encrypted_credentials" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "profiles_live" ON "profiles" USING btree ("tenant_id","person_id") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "profiles_expires" ON "profiles" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "authorization_codes_code_hash" ON "authorization_codes" USING btree ("code_hash");--> statement-breakpoint
CREATE INDEX "authorization_codes_expires" ON "authorization_codes" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "device_codes_device_code_hash" ON "device_codes" USING btree ("device_code_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "device_codes_user_code_hash" ON "device_codes" USING btree ("user_code_hash");--> statement-breakpoint
CREATE INDEX "device_codes_expires" ON "device_codes" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "invitations_secret_hash" ON "invitations" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "invitations_tenant" ON "invitations" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "invitations_expires" ON "invitations" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "login_states_state_hash" ON "login_states" USING btree ("state_hash");--> statement-breakpoint
CREATE INDEX "login_states_expires" ON "login_states" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "refresh_tokens_secret_hash" ON "refresh_tokens" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "refresh_tokens_family" ON "refresh_tokens" USING btree ("family_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_expires" ON "refresh_tokens" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_secret_hash" ON "sessions" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "sessions_person" ON "sessions" USING btree ("person_id");--> statement-breakpoint
CREATE INDEX "sessions_expires" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "mail_outbox_pending" ON "mail_outbox" USING btree ("recorded_at") WHERE sent_at is null;--> statement-breakpoint
CREATE INDEX "mail_outbox_expires" ON "mail_outbox" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "idempotency_records_expires" ON "idempotency_records" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "unclaimed_registrations_expires" ON "unclaimed_registrations" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "legal_holds_placed" ON "legal_holds" USING btree ("tenant_id") WHERE closed_at is null;--> statement-breakpoint
CREATE INDEX "legal_holds_expires" ON "legal_holds" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "rights_requests_tenant" ON "rights_requests" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "rights_requests_expires" ON "rights_requests" USING btree ("expires_at");--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_end" CHECK (status <> 'ended' or ended_at is not null);--> statement-breakpoint
-- Attaching and dropping partitions needs ownership; the functions that do so belong to ebb_maint.
ALTER TABLE "error_reports" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "metrics" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "performance_samples" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "user_sessions" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "profile_fetches" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "feature_usage" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "tool_executions" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "ai_usage" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "authentication_events" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "security_events" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "website_visits" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "active_instance_counts" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "billing_records" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "purge_receipts" OWNER TO ebb_maint;
