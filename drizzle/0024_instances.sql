-- Instances: revoked and removed one by one or all that came of a leaked key, moved, their sign-ins ended; and what an
-- offline lease says. And of a ping nothing finer than its bucket is stored any more.
-- Dropping a column locks `pings` with its partitions for a moment, and rewrites none: what rows of before held on disk
-- no statement reads, and it goes with their partitions, 30 days later at most. Until the new version is deployed a flush
-- of the one before fails, its rows wait in the gate's journal, and its list of an instance's pings fails.

-- Ends these instances of the tenant entered, whose rows the caller has locked: their clients' secrets, the sign-ins on
-- them and the refresh tokens of those, and posts it to the tenant's gate. `removing`: they are not listed any more.
-- Returns how many had not ended so before.
create function ebb.end_instances(wanted uuid[], removing boolean) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  changed integer;
begin
  with ended as (
    update public.instances i
       set removed_at = case when removing then ebb.clock() else i.removed_at end,
           revoked_at = case when removing then i.revoked_at else ebb.clock() end
     where i.id = any (wanted) and i.tenant_id = ebb.tenant() and i.removed_at is null
       and (removing or i.revoked_at is null)
    returning i.id, i.tenant_id, i.client_id)
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', case when removing then 'instance-removed' else 'client-revoked' end,
             'instanceId', ebb.typed_id('ins', ended.id),
             'clientId', ended.client_id,
             case when removing then 'removedAtMs' else 'revokedAtMs' end,
             floor(extract(epoch from ebb.clock()) * 1000)),
           ebb.clock()
      from ended join public.tenants t on t.id = ended.tenant_id
     order by ended.id;
  get diagnostics changed = row_count;
  update public.credentials c set revoked_at = ebb.clock()
   where c.instance_id = any (wanted) and c.tenant_id = ebb.tenant() and c.revoked_at is null;
  -- The gate refuses all that is of the instance: it needs no word of each sign-in.
  with ended as (
    update public.token_families f set ended_at = ebb.clock()
     where f.instance_id = any (wanted) and f.tenant_id = ebb.tenant() and f.ended_at is null
    returning f.id)
  update public.refresh_tokens r set revoked_at = ebb.clock()
    from ended where r.family_id = ended.id and r.revoked_at is null;
  return changed;
end
$$;
--> statement-breakpoint
alter function ebb.end_instances(uuid[], boolean) owner to ebb_maint;
--> statement-breakpoint
-- Revokes or removes one instance of the tenant entered. False: it was revoked already. EB405 not permitted, EB404 no such
-- instance, or one that was removed.
create function ebb.end_instance(instance uuid, removing boolean) returns boolean
  language plpgsql security definer set search_path = ''
as $$
begin
  if ebb.tenant() is null or not ebb.may('instances:delete') then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  -- Whoever redeems a code or refreshes a token of it meanwhile waits for this row, and then finds it ended.
  perform from public.instances i
    where i.id = end_instance.instance and i.tenant_id = ebb.tenant() and i.removed_at is null
      and i.expires_at > ebb.clock()
      for no key update;
  if not found then raise exception 'no such instance' using errcode = 'EB404'; end if;
  return ebb.end_instances(array[end_instance.instance], removing) > 0;
end
$$;
--> statement-breakpoint
alter function ebb.end_instance(uuid, boolean) owner to ebb_maint;
--> statement-breakpoint
-- Revokes or removes the instances that registered with a key of the tenant entered, oldest first, `at_most` at once: how
-- many it ended, and how many are left. The key must have been revoked before, so that no more can come. EB405, EB404 no
-- such key, EB408 it is still good.
create function ebb.end_instances_of_key(registration_key uuid, removing boolean, at_most integer)
  returns table (ended integer, remaining integer)
  language plpgsql security definer set search_path = ''
as $$
declare
  key_revoked_at timestamptz;
  wanted uuid[];
begin
  if ebb.tenant() is null or not (ebb.may('registration-keys:write') and ebb.may('instances:delete')) then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  select k.revoked_at into key_revoked_at from public.registration_keys k
   where k.id = registration_key and k.tenant_id = ebb.tenant() and k.expires_at > ebb.clock();
  if not found then raise exception 'no such key' using errcode = 'EB404'; end if;
  if key_revoked_at is null then raise exception 'the key is still good' using errcode = 'EB408'; end if;
  select array_agg(l.id) into wanted from (
    select i.id from public.instances i
     where i.registration_key_id = registration_key and i.tenant_id = ebb.tenant() and i.removed_at is null
       and (removing or i.revoked_at is null) and i.expires_at > ebb.clock()
     order by i.id limit at_most
       for no key update) l;
  ended := case when wanted is null then 0 else ebb.end_instances(wanted, removing) end;
  select count(*) into remaining from public.instances i
   where i.registration_key_id = registration_key and i.tenant_id = ebb.tenant() and i.removed_at is null
     and (removing or i.revoked_at is null) and i.expires_at > ebb.clock();
  return next;
end
$$;
--> statement-breakpoint
alter function ebb.end_instances_of_key(uuid, boolean, integer) owner to ebb_maint;
--> statement-breakpoint
-- Ends one sign-in on an instance of the tenant entered, or with no family all of them, and has its gate refuse their
-- tokens as long as any could live: seven days, and the skew of two clocks. Returns how many. EB405 not permitted, EB404
-- no such instance or no such live sign-in on it.
create function ebb.end_sign_ins(instance uuid, family uuid default null) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  families uuid[];
begin
  if ebb.tenant() is null or not ebb.may('instances:write') then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  if not exists (select from public.instances i
                  where i.id = end_sign_ins.instance and i.tenant_id = ebb.tenant() and i.removed_at is null
                    and i.expires_at > ebb.clock()) then
    raise exception 'no such instance' using errcode = 'EB404';
  end if;
  families := array(
    select f.id from public.token_families f
     where f.instance_id = end_sign_ins.instance and f.tenant_id = ebb.tenant()
       and f.id = coalesce(end_sign_ins.family, f.id) and f.ended_at is null and f.expires_at > ebb.clock()
     order by f.id
       for update);
  if end_sign_ins.family is not null and families = '{}' then
    raise exception 'no such sign-in' using errcode = 'EB404';
  end if;
  perform ebb.end_families(families);
  return cardinality(families);
end
$$;
--> statement-breakpoint
alter function ebb.end_sign_ins(uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- An instance of the tenant entered lies in another workspace since this transaction: the tokens of the people signed in
-- on it name the former one, and are refused until they are refreshed. Returns how many people that are. EB405.
create function ebb.instance_moved(instance uuid) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  people uuid[];
begin
  if ebb.tenant() is null or not ebb.may('instances:write') then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  select array_agg(distinct f.person_id) into people from public.token_families f
   where f.instance_id = instance_moved.instance and f.tenant_id = ebb.tenant() and f.ended_at is null
     and f.expires_at > ebb.clock();
  if people is null then return 0; end if;
  perform ebb.raise_generation(ebb.tenant(), people);
  return cardinality(people);
end
$$;
--> statement-breakpoint
alter function ebb.instance_moved(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Sets for how many days an instance of the tenant entered may go on without us; 0: it may not. Returns what it was.
-- EB405 not permitted, EB404 no tenant, EB408 a closed one.
create function ebb.set_offline_lease(days integer) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
  before integer;
begin
  if not ebb.may('tenants:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  if days is null or days not between 0 and 30 then raise exception 'not a lease' using errcode = '22023'; end if;
  select h.* into held from ebb.hold_target() h;
  select t.offline_lease_days into before from public.tenants t where t.id = held.id;
  update public.tenants t set offline_lease_days = days where t.id = held.id;
  return before;
end
$$;
--> statement-breakpoint
alter function ebb.set_offline_lease(integer) owner to ebb_maint;
--> statement-breakpoint
-- What an offline lease for this sign-in of this person says, or why there is none (`refused`, the name of a problem). The
-- ids are those of an access token whose signature was verified. EB403 the tenant is suspended, EB413 closed.
create function ebb.lease_facts(family uuid, person uuid, tenant uuid)
  returns table (refused text, client_id text, workspace_id uuid, plan text, offline_lease_days integer, ends_at timestamptz)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  state text := ebb.refused_for(lease_facts.tenant);
begin
  if state is not null then raise exception 'suspended or closed' using errcode = state; end if;
  return query
    select case when i.id is null or i.removed_at is not null then 'instance-deleted'
                when i.revoked_at is not null then 'token-revoked'
                when ebb.scope_left(f.id) is null then 'sign-in-ended' end,
           i.client_id, i.workspace_id, coalesce(p.plan, 'free'), t.offline_lease_days,
           -- With the token by which it was approved, a sign-in ends too; and nobody asks a lease what plan there is now.
           least(f.expires_at, c.valid_until, p.ends_at)
      from public.token_families f
      join public.tenants t on t.id = f.tenant_id
      left join public.instances i on i.id = f.instance_id and i.tenant_id = f.tenant_id and i.expires_at > ebb.clock()
      left join public.credentials c on c.id = f.credential_id and c.expires_at > ebb.clock()
      -- One whose end has come is over, though its tenant is put on the free plan only within the hour.
      left join lateral (
        select s.plan, s.ends_at from public.subscriptions s
         where s.tenant_id = f.tenant_id and s.status = 'active' and s.expires_at > ebb.clock()
           and coalesce(s.ends_at > ebb.clock(), true)
         order by s.started_at desc, s.id desc limit 1) p on true
     where f.id = lease_facts.family and f.person_id = lease_facts.person and f.tenant_id = lease_facts.tenant
       and f.expires_at > ebb.clock();
end
$$;
--> statement-breakpoint
alter function ebb.lease_facts(uuid, uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
ALTER TABLE "pings" DROP COLUMN "received_at";
--> statement-breakpoint
-- Of a ping that was given up, too. A quote within a value is escaped: only the row's own field matches.
update public.dead_letters set body = regexp_replace(body, ',"received_at":[0-9]+', '')
 where body like '%,"received\_at":%';
--> statement-breakpoint
-- The straight way of a ping whose gate cannot be reached: the live credential, the tenant's status and a bound per
-- tenant and minute are checked, and the ping is stored, in this one statement. The token was verified at the edge. Of the
-- minute the tenant's count alone is kept (straight_windows).
create function ebb.straight_ping(tenant uuid, instance uuid, issued timestamptz, ping_kind text, ping_bucket timestamptz,
    kind_of_os text, name_of_os text, version_of_os text, expires timestamptz, bound integer)
  returns text
  language plpgsql security definer set search_path = ''
as $$
declare
  owner record;
begin
  -- This function's own role may insert any ping; its caller's may not.
  if expires <= ebb.clock() then raise exception 'expired before it was stored' using errcode = 'EB001'; end if;
  select t.path, i.removed_at into owner
    from public.tenants t join public.instances i on i.tenant_id = t.id
   where t.id = tenant and i.id = instance and t.expires_at > ebb.clock() and i.expires_at > ebb.clock();
  if not found or owner.removed_at is not null then return 'gone'; end if;
  if exists (select from public.tenants t where t.id = any (owner.path) and t.status <> 'active') then
    return 'suspended';
  end if;
  if not exists (
    select from public.credentials c
     where c.tenant_id = tenant and c.instance_id = instance and c.kind = 'client-secret' and c.revoked_at is null and c.expires_at > ebb.clock()
       and c.created_at <= issued + interval '5 minutes'
  ) then
    return 'revoked';
  end if;
  insert into public.straight_windows as w (tenant_id, minute, used)
    values (tenant, date_trunc('minute', ebb.clock()), 1)
    on conflict (tenant_id, minute) do update set used = w.used + 1 where w.used < bound;
  if not found then return 'limited'; end if;
  insert into public.pings (tenant_id, instance_id, kind, bucket, os_kind, os_name, os_version, expires_at)
    values (tenant, instance, ping_kind, ping_bucket, kind_of_os, name_of_os, version_of_os, expires)
    on conflict do nothing;
  return case when found then 'recorded' else 'repeated' end;
end
$$;
--> statement-breakpoint
alter function ebb.straight_ping(uuid, uuid, timestamptz, text, timestamptz, text, text, text, timestamptz, integer)
  owner to ebb_maint;
--> statement-breakpoint
-- For Workers of the version before: when it was received is stored no more.
create or replace function ebb.straight_ping(tenant uuid, instance uuid, issued timestamptz, ping_kind text,
    ping_bucket timestamptz, received timestamptz, kind_of_os text, name_of_os text, version_of_os text, expires timestamptz,
    bound integer)
  returns text
  language sql security definer set search_path = ''
  return ebb.straight_ping(tenant, instance, issued, ping_kind, ping_bucket, kind_of_os, name_of_os, version_of_os,
    expires, bound);
