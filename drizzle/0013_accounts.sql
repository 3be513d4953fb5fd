-- Accounts: brands, tenants' own OpenID providers, what keys are limited to, whose idempotency keys and events are whose.
-- Locks people, credentials, invitations, login_states, idempotency_records and authentication_events for the moment of
-- each change; the last three and people's new unique key are built while their tables are locked (nobody has signed in
-- before this version, so they are empty).
CREATE TABLE "brands" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text NOT NULL,
	"logo_url" text,
	"contact" text,
	"privacy_contact" text,
	"set_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"subscription_ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "identity_providers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text NOT NULL,
	"issuer" text NOT NULL,
	"client_id" text NOT NULL,
	"client_secret" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"subscription_ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
DROP INDEX "people_issuer_subject";--> statement-breakpoint
DROP INDEX "idempotency_records_expires";--> statement-breakpoint
ALTER TABLE "idempotency_records" DROP CONSTRAINT "idempotency_records_tenant_id_key_pk";--> statement-breakpoint
ALTER TABLE "invitations" ALTER COLUMN "invited_by" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "people" ADD COLUMN "provider_tenant_id" uuid;--> statement-breakpoint
ALTER TABLE "people" ADD COLUMN "email_verified" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "maker_tenant_id" uuid;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "allowed_networks" text[];--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "allowed_origins" text[];--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "calls_per_hour" integer;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "last_used_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "places" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "login_states" ADD COLUMN "provider" text NOT NULL;--> statement-breakpoint
ALTER TABLE "login_states" ADD COLUMN "used_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "idempotency_records" ADD COLUMN "actor_id" uuid NOT NULL;--> statement-breakpoint
ALTER TABLE "idempotency_records" ADD CONSTRAINT "idempotency_records_tenant_id_actor_id_key_recorded_at_pk" PRIMARY KEY("tenant_id","actor_id","key","recorded_at");--> statement-breakpoint
ALTER TABLE "idempotency_records" DROP COLUMN "status";--> statement-breakpoint
ALTER TABLE "idempotency_records" RENAME COLUMN "response" TO "result";--> statement-breakpoint
ALTER TABLE "authentication_events" ADD COLUMN "person_id" uuid;--> statement-breakpoint
ALTER TABLE "authentication_events" ADD COLUMN "place" text;--> statement-breakpoint
ALTER TABLE "brands" ADD CONSTRAINT "brands_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identity_providers" ADD CONSTRAINT "identity_providers_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "brands_tenant" ON "brands" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "brands_expires" ON "brands" USING btree ("expires_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "identity_providers_live" ON "identity_providers" USING btree ("tenant_id","issuer") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "identity_providers_expires" ON "identity_providers" USING btree ("expires_at","id");--> statement-breakpoint
CREATE INDEX "people_provider_tenant" ON "people" USING btree ("provider_tenant_id") WHERE provider_tenant_id is not null;--> statement-breakpoint
CREATE INDEX "authentication_events_tenant" ON "authentication_events" USING btree ("tenant_id","id");--> statement-breakpoint
CREATE INDEX "authentication_events_person" ON "authentication_events" USING btree ("person_id","id");--> statement-breakpoint
CREATE INDEX "idempotency_records_expires" ON "idempotency_records" USING btree ("expires_at","tenant_id","actor_id","key","recorded_at");--> statement-breakpoint
ALTER TABLE "people" ADD CONSTRAINT "people_issuer_subject" UNIQUE NULLS NOT DISTINCT("issuer","subject","provider_tenant_id");