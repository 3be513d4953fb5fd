-- The tables, as `npm run generate` writes them from src/db/schema.ts; by hand: the partitioning clauses and the owner
-- of the partitioned tables. New tables only: locks nothing that is in use.
CREATE TABLE "audit_entries" (
	"id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"detail" text NOT NULL,
	"request_id" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "audit_entries_tenant_id_id_expires_at_pk" PRIMARY KEY("tenant_id","id","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "credentials" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"instance_id" uuid,
	"person_id" uuid,
	"secret_hash" "bytea" NOT NULL,
	"permissions" text[] NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"valid_until" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "credentials_hash_is_sha256" CHECK (octet_length(secret_hash) = 32)
);
--> statement-breakpoint
CREATE TABLE "dead_letters" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"gate_id" text NOT NULL,
	"reason" text NOT NULL,
	"body" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "gate_heartbeats" (
	"gate_id" text PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"heard_at" timestamp with time zone NOT NULL,
	"pending" integer NOT NULL,
	"recorded" bigint NOT NULL,
	"repeated" bigint NOT NULL,
	"expired" bigint NOT NULL,
	"gone" bigint NOT NULL,
	"dead" bigint NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "instances" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"workspace_id" uuid NOT NULL,
	"name" text,
	"client_id" text NOT NULL,
	"scope" text NOT NULL,
	"grant_types" text[] NOT NULL,
	"registered_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "instances_tenant_id_id" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant_id" uuid NOT NULL,
	"gate_id" text NOT NULL,
	"message" jsonb NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"delivered_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "people" (
	"id" uuid PRIMARY KEY NOT NULL,
	"issuer" text NOT NULL,
	"subject" text NOT NULL,
	"email" text,
	"name" text,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "pings" (
	"tenant_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"os_kind" text,
	"os_name" text,
	"os_version" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pings_tenant_id_instance_id_kind_bucket_expires_at_pk" PRIMARY KEY("tenant_id","instance_id","kind","bucket","expires_at")
) PARTITION BY RANGE ("expires_at");
--> statement-breakpoint
CREATE TABLE "registration_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"workspace_id" uuid NOT NULL,
	"name" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"reusable" boolean NOT NULL,
	"uses" integer NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"used_up_at" timestamp with time zone,
	"valid_until" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "registration_keys_hash_is_sha256" CHECK (octet_length(secret_hash) = 32)
);
--> statement-breakpoint
CREATE TABLE "straight_windows" (
	"tenant_id" uuid NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"used" integer NOT NULL,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "straight_windows_tenant_id_minute_pk" PRIMARY KEY("tenant_id","minute")
);
--> statement-breakpoint
CREATE TABLE "subscriptions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"plan" text NOT NULL,
	"status" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"parent_id" uuid,
	"path" uuid[] NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"status" text NOT NULL,
	"home_region" text NOT NULL,
	"gate_id" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "tenants_id_gate_id" UNIQUE("id","gate_id"),
	CONSTRAINT "tenants_path_ends_here" CHECK (cardinality(path) between 1 and 3 and path[cardinality(path)] = id),
	CONSTRAINT "tenants_parent_in_path" CHECK (parent_id is not distinct from path[cardinality(path) - 1])
);
--> statement-breakpoint
CREATE TABLE "workspaces" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text NOT NULL,
	"generation" integer NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "workspaces_tenant_id_id" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_instance_fk" FOREIGN KEY ("tenant_id","instance_id") REFERENCES "public"."instances"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_person_id_people_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."people"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_workspace_fk" FOREIGN KEY ("tenant_id","workspace_id") REFERENCES "public"."workspaces"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_person_id_people_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."people"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_tenant_id_gate_id_tenants_id_gate_id_fk" FOREIGN KEY ("tenant_id","gate_id") REFERENCES "public"."tenants"("id","gate_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "registration_keys" ADD CONSTRAINT "registration_keys_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "registration_keys" ADD CONSTRAINT "registration_keys_workspace_fk" FOREIGN KEY ("tenant_id","workspace_id") REFERENCES "public"."workspaces"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_parent_id_tenants_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workspaces" ADD CONSTRAINT "workspaces_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "credentials_secret_hash" ON "credentials" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "credentials_tenant" ON "credentials" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "credentials_expires" ON "credentials" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "credentials_instance" ON "credentials" USING btree ("instance_id");--> statement-breakpoint
CREATE INDEX "dead_letters_expires" ON "dead_letters" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "dead_letters_tenant" ON "dead_letters" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "gate_heartbeats_pending" ON "gate_heartbeats" USING btree ("heard_at") WHERE pending > 0;--> statement-breakpoint
CREATE UNIQUE INDEX "instances_client_id" ON "instances" USING btree ("tenant_id","client_id");--> statement-breakpoint
CREATE UNIQUE INDEX "memberships_live" ON "memberships" USING btree ("tenant_id","person_id") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "outbox_pending" ON "outbox" USING btree ("gate_id","id") WHERE delivered_at is null;--> statement-breakpoint
CREATE INDEX "outbox_expires" ON "outbox" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "people_issuer_subject" ON "people" USING btree ("issuer","subject");--> statement-breakpoint
CREATE UNIQUE INDEX "registration_keys_secret_hash" ON "registration_keys" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "registration_keys_tenant" ON "registration_keys" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "registration_keys_expires" ON "registration_keys" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "subscriptions_tenant" ON "subscriptions" USING btree ("tenant_id");--> statement-breakpoint
CREATE UNIQUE INDEX "tenants_gate_id" ON "tenants" USING btree ("gate_id");--> statement-breakpoint
CREATE INDEX "tenants_path" ON "tenants" USING gin ("path");--> statement-breakpoint
-- Attaching and dropping partitions needs ownership; the functions that do so belong to ebb_maint.
ALTER TABLE "pings" OWNER TO ebb_maint;--> statement-breakpoint
ALTER TABLE "audit_entries" OWNER TO ebb_maint;
