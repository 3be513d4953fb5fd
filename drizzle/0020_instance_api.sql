-- The instance API: what signing in on an instance, claiming one, vouchers and seats keep. Locks each table for the moment
-- of its change. user_sessions and profile_fetches get other keys, refresh_tokens loses two columns: nothing before this
-- version has written to any of the three, so they are empty.
CREATE TABLE "vouchers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"name" text NOT NULL,
	"plan" text NOT NULL,
	"seats" integer,
	"months" integer,
	"created_at" timestamp with time zone NOT NULL,
	"valid_until" timestamp with time zone NOT NULL,
	"claimed_at" timestamp with time zone,
	"claimed_tenant_id" uuid,
	"revoked_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "vouchers_hash_is_sha256" CHECK (octet_length(code_hash) = 32)
);
--> statement-breakpoint
CREATE TABLE "token_families" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"client_id" text NOT NULL,
	"scope" text NOT NULL,
	"credential_id" uuid,
	"started_at" timestamp with time zone NOT NULL,
	"renewed_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
DROP INDEX "profile_fetches_expires";--> statement-breakpoint
DROP INDEX "user_sessions_expires";--> statement-breakpoint
ALTER TABLE "profile_fetches" DROP CONSTRAINT "profile_fetches_tenant_id_instance_id_bucket_expires_at_pk";--> statement-breakpoint
ALTER TABLE "user_sessions" DROP CONSTRAINT "user_sessions_tenant_id_id_expires_at_pk";--> statement-breakpoint
ALTER TABLE "authorization_codes" ALTER COLUMN "code_challenge" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ALTER COLUMN "person_id" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ALTER COLUMN "secret_hash" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "profile_fetches" ADD COLUMN "person_id" uuid NOT NULL;--> statement-breakpoint
ALTER TABLE "user_sessions" ADD COLUMN "person_id" uuid NOT NULL;--> statement-breakpoint
ALTER TABLE "profile_fetches" ADD CONSTRAINT "profile_fetches_pk" PRIMARY KEY("tenant_id","instance_id","person_id","bucket","expires_at");--> statement-breakpoint
ALTER TABLE "user_sessions" ADD CONSTRAINT "user_sessions_pk" PRIMARY KEY("tenant_id","instance_id","person_id","bucket","expires_at");--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "use_seat" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "people" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "ends_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "seats" integer;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "trial" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "offline_lease_days" integer DEFAULT 7 NOT NULL;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "claim_code_required" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "workspace_id" uuid;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "redirect_uris" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "token_endpoint_auth_method" text DEFAULT 'client_secret_post' NOT NULL;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "registration_key_id" uuid;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "claimed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "revoked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "registration_keys" ADD COLUMN "max_uses" integer;--> statement-breakpoint
ALTER TABLE "registration_keys" ADD COLUMN "name_prefix" text;--> statement-breakpoint
ALTER TABLE "authorization_codes" ADD COLUMN "instance_id" uuid NOT NULL;--> statement-breakpoint
ALTER TABLE "authorization_codes" ADD COLUMN "family_id" uuid;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "tenant_id" uuid;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "instance_id" uuid;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "granted_scope" text;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "credential_id" uuid;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "polled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "interval_s" integer DEFAULT 5 NOT NULL;--> statement-breakpoint
ALTER TABLE "device_codes" ADD COLUMN "used_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "invitations" ADD COLUMN "use_seat" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "invitations" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD COLUMN "predecessor_id" uuid;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "name" text;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "scope" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "grant_types" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "redirect_uris" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "token_endpoint_auth_method" text DEFAULT 'client_secret_post' NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "country" text;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "network_operator" text;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "claim_code_hash" "bytea";--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "claim_code_demanded" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "claim_attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "idempotency_hash" "bytea";--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "request_hash" "bytea";--> statement-breakpoint
ALTER TABLE "unclaimed_registrations" ADD COLUMN "claimed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "vouchers" ADD CONSTRAINT "vouchers_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "vouchers_code_hash" ON "vouchers" USING btree ("code_hash");--> statement-breakpoint
CREATE INDEX "vouchers_tenant" ON "vouchers" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "vouchers_expires" ON "vouchers" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "token_families_tenant" ON "token_families" USING btree ("tenant_id","id");--> statement-breakpoint
CREATE INDEX "token_families_person" ON "token_families" USING btree ("person_id");--> statement-breakpoint
CREATE INDEX "token_families_instance" ON "token_families" USING btree ("instance_id");--> statement-breakpoint
CREATE INDEX "token_families_credential" ON "token_families" USING btree ("credential_id") WHERE credential_id is not null;--> statement-breakpoint
CREATE INDEX "token_families_expires" ON "token_families" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "instances_client" ON "instances" USING btree ("client_id");--> statement-breakpoint
CREATE INDEX "instances_registration_key" ON "instances" USING btree ("registration_key_id") WHERE registration_key_id is not null;--> statement-breakpoint
CREATE INDEX "device_codes_tenant" ON "device_codes" USING btree ("tenant_id");--> statement-breakpoint
CREATE UNIQUE INDEX "unclaimed_registrations_client_id" ON "unclaimed_registrations" USING btree ("client_id");--> statement-breakpoint
CREATE UNIQUE INDEX "unclaimed_registrations_idempotency" ON "unclaimed_registrations" USING btree ("idempotency_hash") WHERE idempotency_hash is not null;--> statement-breakpoint
CREATE INDEX "profile_fetches_expires" ON "profile_fetches" USING btree ("expires_at","tenant_id","instance_id","person_id","bucket");--> statement-breakpoint
CREATE INDEX "user_sessions_expires" ON "user_sessions" USING btree ("expires_at","tenant_id","instance_id","person_id","bucket");--> statement-breakpoint
ALTER TABLE "refresh_tokens" DROP COLUMN "instance_id" CASCADE;--> statement-breakpoint
ALTER TABLE "refresh_tokens" DROP COLUMN "scope" CASCADE;--> statement-breakpoint
ALTER TABLE "profile_fetches" DROP COLUMN "fetches" CASCADE;--> statement-breakpoint
ALTER TABLE "user_sessions" DROP COLUMN "id" CASCADE;--> statement-breakpoint
ALTER TABLE "user_sessions" DROP COLUMN "duration_s" CASCADE;--> statement-breakpoint
ALTER TABLE "user_sessions" DROP COLUMN "app_version" CASCADE;--> statement-breakpoint
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_offline_lease" CHECK (offline_lease_days between 0 and 30);
