-- What tenants may use where it is not what their plan says. New tables and functions only: locks nothing that is in
-- use but the tenants table, for the moment in which the references are made.
CREATE TABLE "limit_allotments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"client_id" uuid NOT NULL,
	"policy" text NOT NULL,
	"at_most" integer NOT NULL,
	"set_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "limit_allotments_at_most" CHECK (at_most >= 0)
);
--> statement-breakpoint
CREATE TABLE "limit_overrides" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"policy" text NOT NULL,
	"at_most" integer NOT NULL,
	"set_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"expires_at" timestamp with time zone DEFAULT 'infinity' NOT NULL,
	CONSTRAINT "limit_overrides_at_most" CHECK (at_most >= 0)
);
--> statement-breakpoint
ALTER TABLE "limit_allotments" ADD CONSTRAINT "limit_allotments_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "limit_overrides" ADD CONSTRAINT "limit_overrides_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "limit_allotments_live" ON "limit_allotments" USING btree ("tenant_id","client_id","policy") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "limit_allotments_client" ON "limit_allotments" USING btree ("client_id") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "limit_allotments_expires" ON "limit_allotments" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "limit_overrides_live" ON "limit_overrides" USING btree ("tenant_id","policy") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "limit_overrides_expires" ON "limit_overrides" USING btree ("expires_at");
--> statement-breakpoint
-- A tenant and the tenants right below it, with all that decides their limits, for whoever is at or above it: but what
-- lies above the one who asks is not told. Holds the family's lock until the end of the transaction, so that of two
-- settings the later one sees the earlier.
create function ebb.limit_family(parent uuid)
  returns table (tenant_id uuid, kind text, status text, gate_id text, ancestors text[], plan text,
                 overrides jsonb, allotments jsonb)
  language plpgsql security definer set search_path = ''
as $$
declare
  asking uuid;
begin
  select c.actor_tenant into asking
    from ebb.context() c join public.tenants t on c.actor_tenant = any (t.path)
   where t.id = parent and t.expires_at > ebb.clock();
  if not found then raise exception 'no such tenant' using errcode = 'EB404'; end if;
  perform pg_advisory_xact_lock(hashtext('ebb.limits'), hashtext(parent::text));
  return query
    select t.id, t.kind, t.status, t.gate_id,
           array(select above.gate_id from public.tenants above
                  where above.id = any (t.path) and above.id <> t.id and above.kind = 'reseller' and t.id <> asking),
           coalesce((select s.plan from public.subscriptions s
                      where s.tenant_id = t.id and s.status = 'active' and s.expires_at > ebb.clock()
                      order by s.started_at desc limit 1), 'free'),
           coalesce((select jsonb_object_agg(o.policy, o.at_most) from public.limit_overrides o
                      where o.tenant_id = t.id and o.removed_at is null), '{}'),
           coalesce((select jsonb_object_agg(a.policy, a.at_most) from public.limit_allotments a
                      where a.client_id = t.id and a.tenant_id = t.parent_id and a.removed_at is null
                        and t.id <> asking), '{}')
      from public.tenants t
     where (t.id = parent or t.parent_id = parent) and t.expires_at > ebb.clock() and t.status <> 'closed';
end
$$;
--> statement-breakpoint
alter function ebb.limit_family(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Sets the entered tenant's own limit for a policy, or with null gives it back to the plan; returns what was set before.
-- For the platform owner alone.
create function ebb.override_limit(id uuid, policy text, at_most integer) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  entered uuid;
  previous integer;
begin
  select c.target into entered
    from ebb.context() c join public.tenants own on own.id = c.actor_tenant
   where own.kind = 'platform';
  if not found then raise exception 'not the platform owner' using errcode = 'EB405'; end if;
  if override_limit.at_most > 10000000 then raise exception 'too large' using errcode = '22003'; end if;
  -- Of two at once the second finds what the first has set.
  perform pg_advisory_xact_lock(hashtext('ebb.limits'),
    hashtext(coalesce((select t.parent_id from public.tenants t where t.id = entered), entered)::text));
  update public.limit_overrides o set removed_at = ebb.clock()
   where o.tenant_id = entered and o.policy = override_limit.policy and o.removed_at is null
   returning o.at_most into previous;
  if override_limit.at_most is not null then
    insert into public.limit_overrides (id, tenant_id, policy, at_most, set_at)
      values (override_limit.id, entered, override_limit.policy, override_limit.at_most, ebb.clock());
  end if;
  return previous;
end
$$;
--> statement-breakpoint
alter function ebb.override_limit(uuid, text, integer) owner to ebb_maint;
--> statement-breakpoint
-- Sets what the entered reseller allots to one of its clients, or with null nothing in particular; returns what was set
-- before. A client cannot enter its reseller, so it cannot ask.
create function ebb.allot_limit(id uuid, client uuid, policy text, at_most integer) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  entered uuid;
  previous integer;
begin
  select c.target into entered
    from ebb.context() c join public.tenants t on t.id = c.target
   where t.kind = 'reseller';
  if not found or not exists (
    select from public.tenants t where t.id = client and t.parent_id = entered and t.expires_at > ebb.clock()
  ) then
    raise exception 'not a client of this reseller' using errcode = 'EB404';
  end if;
  if allot_limit.at_most > 10000000 then raise exception 'too large' using errcode = '22003'; end if;
  perform pg_advisory_xact_lock(hashtext('ebb.limits'), hashtext(entered::text));
  update public.limit_allotments a set removed_at = ebb.clock()
   where a.tenant_id = entered and a.client_id = client and a.policy = allot_limit.policy and a.removed_at is null
   returning a.at_most into previous;
  if allot_limit.at_most is not null then
    insert into public.limit_allotments (id, tenant_id, client_id, policy, at_most, set_at)
      values (allot_limit.id, entered, client, allot_limit.policy, allot_limit.at_most, ebb.clock());
  end if;
  return previous;
end
$$;
--> statement-breakpoint
alter function ebb.allot_limit(uuid, uuid, text, integer) owner to ebb_maint;
--> statement-breakpoint
-- Posts a message to the gate of a tenant that the one who asks is at or above: a change of a reseller's may concern a
-- gate below it.
create function ebb.post(tenant uuid, message jsonb) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, post.message, ebb.clock()
      from ebb.context() c join public.tenants t on c.actor_tenant = any (t.path)
     where t.id = tenant and t.expires_at > ebb.clock();
  if not found then raise exception 'no such tenant' using errcode = 'EB404'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.post(uuid, jsonb) owner to ebb_maint;
--> statement-breakpoint
-- Has the gate of the tenant entered refuse an API key that was revoked in this transaction or before. The key's hash
-- goes from table to outbox: the application's role writes hashes and never reads one.
create function ebb.post_revoked_key(key uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', 'revoked',
             'subject', jsonb_build_object('kind', 'key', 'id', encode(c.secret_hash, 'hex')),
             'reason', 'key-revoked',
             'issuedBeforeMs', null,
             'untilMs', floor(extract(epoch from ebb.expiry(c.revoked_at, interval '90 days')) * 1000)),
           ebb.clock()
      from public.credentials c join public.tenants t on t.id = c.tenant_id
     where c.id = post_revoked_key.key and c.tenant_id = ebb.tenant() and c.kind = 'api-key' and c.revoked_at is not null;
  if not found then raise exception 'no such key' using errcode = 'EB404'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.post_revoked_key(uuid) owner to ebb_maint;
