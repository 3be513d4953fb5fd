-- The tree of tenants: made, renamed, suspended, moved and closed from above or by themselves; plans, and the names under
-- which resellers appear. New functions only: locks nothing that is in use.

-- Whether the actor is above the tenant entered, which must be there and, unless asked otherwise, not closed (EB408).
-- Locks it until the end of the transaction. EB404 for no tenant.
create function ebb.hold_target(may_be_closed boolean default false)
  returns table (id uuid, kind text, parent_id uuid, path uuid[], status text, closed_at timestamptz, from_above boolean, actor_kind text)
  language plpgsql security definer set search_path = ''
as $$
begin
  return query
    select t.id, t.kind, t.parent_id, t.path, t.status, t.closed_at, e.actor_tenant <> t.id,
           (select own.kind from public.tenants own where own.id = e.actor_tenant)
      from ebb.entered() e join public.tenants t on t.id = e.target and t.expires_at > ebb.clock()
       for no key update of t;
  if not found then raise exception 'no such tenant' using errcode = 'EB404'; end if;
  if not may_be_closed and exists (
    select from ebb.entered() e join public.tenants t on t.id = e.target where t.closed_at is not null
  ) then
    raise exception 'closed' using errcode = 'EB408';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.hold_target(boolean) owner to ebb_maint;
--> statement-breakpoint
-- Posts all that gates are to know of the tenant with this id and of those below it, to the gate of each.
create function ebb.post_tenants(root uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', 'tenant',
             'tenantId', ebb.typed_id('tnt', t.id),
             'status', case when t.closed_at is not null then 'closed' else t.status end,
             'plan', coalesce((select s.plan from public.subscriptions s
                                where s.tenant_id = t.id and s.status = 'active' and s.expires_at > ebb.clock()
                                order by s.started_at desc, s.id desc limit 1), 'free'),
             'overrides', coalesce((select jsonb_object_agg(o.policy, o.at_most) from public.limit_overrides o
                                     where o.tenant_id = t.id and o.removed_at is null and o.expires_at > ebb.clock()), '{}'),
             'allotments', coalesce((select jsonb_object_agg(a.policy, a.at_most) from public.limit_allotments a
                                      where a.client_id = t.id and a.tenant_id = t.parent_id and a.removed_at is null
                                        and a.expires_at > ebb.clock()), '{}'),
             'ancestors', (select coalesce(jsonb_agg(up.gate_id order by cardinality(up.path) desc), '[]') from public.tenants up
                            where up.id = any (t.path) and up.id <> t.id and up.kind = 'reseller')),
           ebb.clock()
      from ebb.context() c
      join public.tenants t on c.actor_tenant = any (t.path) and t.path @> array[root]
     where t.expires_at > ebb.clock()
     order by cardinality(t.path);
end
$$;
--> statement-breakpoint
alter function ebb.post_tenants(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Plans in their order: a reseller gives its clients none that is better than its own.
create function ebb.plan_rank(plan text) returns integer
  language sql immutable parallel safe set search_path = ''
  return pg_catalog.array_position(array['free', 'team', 'enterprise'], plan);
--> statement-breakpoint
alter function ebb.plan_rank(text) owner to ebb_maint;
--> statement-breakpoint
create function ebb.plan_of(tenant uuid) returns text
  language sql stable security definer set search_path = ''
  begin atomic
    select coalesce((select s.plan from public.subscriptions s
                      where s.tenant_id = plan_of.tenant and s.status = 'active' and s.expires_at > ebb.clock()
                      order by s.started_at desc, s.id desc limit 1), 'free');
  end;
--> statement-breakpoint
alter function ebb.plan_of(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Makes a tenant below the one entered, with its running subscription and its first workspace: a reseller or a direct
-- customer below the platform owner, a client below a reseller, and nothing below those or below what is not active
-- (EB408). A reseller's client has at most the reseller's plan (EB407). Nobody belongs to it yet: `owner_email` is invited
-- for seven days to be its first owner.
create function ebb.create_tenant(id uuid, kind text, name text, plan text, region text, gate_id text, subscription uuid,
    workspace uuid, owner_email text, invitation uuid, secret_hash bytea, mail uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  above record;
begin
  if not ebb.may('tenants:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select h.* into above from ebb.hold_target() h;
  if above.status <> 'active' or not (
       above.kind = 'platform' and create_tenant.kind in ('reseller', 'direct')
       or above.kind = 'reseller' and create_tenant.kind = 'client') then
    raise exception 'no tenant of this kind below that one' using errcode = 'EB408';
  end if;
  if above.kind = 'reseller' and ebb.plan_rank(create_tenant.plan) > ebb.plan_rank(ebb.plan_of(above.id)) then
    raise exception 'a better plan than the reseller' using errcode = 'EB407';
  end if;
  insert into public.tenants (id, parent_id, path, kind, name, status, home_region, gate_id, created_at)
    values (create_tenant.id, above.id, above.path || create_tenant.id, create_tenant.kind, create_tenant.name,
            'active', region, create_tenant.gate_id, ebb.clock());
  insert into public.subscriptions (id, tenant_id, plan, status, started_at)
    values (subscription, create_tenant.id, create_tenant.plan, 'active', ebb.clock());
  insert into public.workspaces (id, tenant_id, name, generation, created_at)
    values (workspace, create_tenant.id, 'Default', 0, ebb.clock());
  if owner_email is not null then
    insert into public.invitations (id, tenant_id, email, role, secret_hash, created_at, valid_until)
      values (invitation, create_tenant.id, lower(owner_email), 'owner', create_tenant.secret_hash, ebb.clock(),
              ebb.clock() + interval '7 days');
    insert into public.mail_outbox (id, tenant_id, recipient, template, parameters, attempts, recorded_at)
      values (mail, create_tenant.id, lower(owner_email), 'invitation', jsonb_build_object(
                'invitation_id', ebb.typed_id('inv', invitation), 'tenant_name', create_tenant.name, 'inviter', null,
                'role', 'owner'), 0, ebb.clock());
  end if;
  perform ebb.post_tenants(create_tenant.id);
end
$$;
--> statement-breakpoint
alter function ebb.create_tenant(uuid, text, text, text, text, text, uuid, uuid, text, uuid, bytea, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Renames the tenant entered and returns its former name.
create function ebb.rename_tenant(name text) returns text
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
  before text;
begin
  if not ebb.may('tenants:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select h.* into held from ebb.hold_target() h;
  select t.name into before from public.tenants t where t.id = held.id;
  update public.tenants t set name = rename_tenant.name where t.id = held.id;
  return before;
end
$$;
--> statement-breakpoint
alter function ebb.rename_tenant(text) owner to ebb_maint;
--> statement-breakpoint
-- Suspends the tenant entered, or resumes it; false where it is so already. Only from above (EB405): who is suspended
-- could not resume, and nobody is above the platform owner.
create function ebb.suspend_tenant(suspending boolean) returns boolean
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
begin
  if not ebb.may('tenants:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select h.* into held from ebb.hold_target() h;
  if not held.from_above then raise exception 'not from above' using errcode = 'EB405'; end if;
  if (held.status = 'suspended') = suspending then return false; end if;
  update public.tenants t set status = case when suspending then 'suspended' else 'active' end where t.id = held.id;
  perform ebb.post_tenants(held.id);
  return true;
end
$$;
--> statement-breakpoint
alter function ebb.suspend_tenant(boolean) owner to ebb_maint;
--> statement-breakpoint
-- Moves the client or direct customer entered below a reseller, or with the platform owner as its parent makes it a
-- direct customer; false where it is there already. For the platform owner alone (EB405), who sees both ends. What the
-- former reseller allotted ends, and so do every key that was made from there, the tenant's registration keys and its
-- open invitations: whoever moves it hands out new ones.
create function ebb.move_tenant(parent uuid) returns boolean
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
  above record;
begin
  if not ebb.may('tenants:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select h.* into held from ebb.hold_target() h;
  if held.actor_kind <> 'platform' then raise exception 'not the platform owner' using errcode = 'EB405'; end if;
  select t.id, t.kind, t.status, t.path into above
    from public.tenants t join ebb.entered() e on e.actor_tenant = any (t.path)
   where t.id = move_tenant.parent and t.expires_at > ebb.clock()
     for no key update of t;
  if not found then raise exception 'no such parent' using errcode = 'EB404'; end if;
  if above.id = held.parent_id then return false; end if;
  if held.kind not in ('client', 'direct') or above.kind not in ('platform', 'reseller') or above.status <> 'active' then
    raise exception 'it cannot lie there' using errcode = 'EB408';
  end if;
  if above.kind = 'reseller' and ebb.plan_rank(ebb.plan_of(held.id)) > ebb.plan_rank(ebb.plan_of(above.id)) then
    raise exception 'a better plan than the reseller' using errcode = 'EB407';
  end if;
  update public.limit_allotments a set removed_at = ebb.clock()
   where a.client_id = held.id and a.removed_at is null;
  update public.tenants t
     set parent_id = above.id, path = above.path || held.id,
         kind = case above.kind when 'platform' then 'direct' else 'client' end
   where t.id = held.id;
  with ended as (
    update public.credentials c set revoked_at = ebb.clock()
     where c.tenant_id = held.id and c.kind <> 'client-secret' and c.revoked_at is null
       and not (c.maker_tenant_id = any (above.path || held.id))
    returning c.secret_hash
  )
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', 'revoked',
             'subject', jsonb_build_object('kind', 'key', 'id', encode(e.secret_hash, 'hex')),
             'reason', 'key-revoked',
             'issuedBeforeMs', null,
             'untilMs', floor(extract(epoch from ebb.expiry(ebb.clock(), interval '90 days')) * 1000)),
           ebb.clock()
      from ended e, public.tenants t where t.id = held.id;
  -- What the former reseller has invited or handed out.
  update public.registration_keys k set revoked_at = ebb.clock()
   where k.tenant_id = held.id and k.revoked_at is null;
  update public.invitations i set revoked_at = ebb.clock()
   where i.tenant_id = held.id and i.revoked_at is null and i.accepted_at is null;
  perform ebb.post_tenants(held.id);
  return true;
end
$$;
--> statement-breakpoint
alter function ebb.move_tenant(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Puts the tenant entered on a plan, from above alone (EB405): the running subscription ends as the new one starts. With
-- null its last one ends, from which what it has is kept. What only the enterprise plan allows ends with it: own windows
-- go back to the schedule's, a longer one in 30 days. Returns the plan before.
create function ebb.change_plan(id uuid, plan text) returns text
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
  above record;
  before text;
  own record;
  kept integer;
  effective timestamptz;
begin
  if not ebb.may('subscriptions:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select h.* into held from ebb.hold_target() h;
  if not held.from_above then raise exception 'not from above' using errcode = 'EB405'; end if;
  before := ebb.plan_of(held.id);
  if change_plan.plan is not null then
    -- Of two changes at once, of a client's plan and of its reseller's, the later sees the earlier.
    select t.id, t.kind into above from public.tenants t where t.id = held.parent_id for share;
    if above.kind = 'reseller' and ebb.plan_rank(change_plan.plan) > ebb.plan_rank(ebb.plan_of(above.id)) then
      raise exception 'a better plan than the reseller' using errcode = 'EB407';
    end if;
    if exists (select from public.tenants t where t.parent_id = held.id and t.expires_at > ebb.clock()
                  and ebb.plan_rank(ebb.plan_of(t.id)) > ebb.plan_rank(change_plan.plan)) then
      raise exception 'a client has a better plan' using errcode = 'EB408';
    end if;
    -- Before the other ends: a tenant with one running has not lost its last.
    insert into public.subscriptions (id, tenant_id, plan, status, started_at)
      values (change_plan.id, held.id, change_plan.plan, 'active', ebb.clock());
  end if;
  update public.subscriptions s set status = 'ended', ended_at = ebb.clock()
   where s.tenant_id = held.id and s.status = 'active' and s.id <> change_plan.id;
  if change_plan.plan is distinct from 'enterprise' then
    for own in
      select r.id, r.retention_class, r.months, r.effective_at from public.retention_windows r
       where r.tenant_id = held.id and coalesce(r.superseded_at > ebb.clock(), true)
    loop
      select v.kept into kept from ebb.varying(own.retention_class) v;
      if own.months = kept then continue; end if;
      effective := case when own.effective_at > ebb.clock() then own.effective_at
                        when own.months < kept then ebb.expiry(ebb.clock(), interval '30 days')
                        else ebb.clock() end;
      update public.retention_windows r set superseded_at = effective where r.id = own.id;
      insert into public.retention_windows (id, tenant_id, retention_class, months, set_at, effective_at)
        values (uuidv7(), held.id, own.retention_class, kept, ebb.clock(), effective);
    end loop;
  end if;
  perform ebb.post_tenants(held.id);
  return before;
end
$$;
--> statement-breakpoint
alter function ebb.change_plan(uuid, text) owner to ebb_maint;
--> statement-breakpoint
-- Sets the name, logo and contacts under which the reseller entered appears, or with a null name takes them back. Of a
-- reseller alone (EB408).
create function ebb.set_brand(id uuid, name text, logo_url text, contact text, privacy_contact text) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
begin
  if not ebb.may('tenants:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select h.* into held from ebb.hold_target() h;
  if held.kind <> 'reseller' then raise exception 'not a reseller' using errcode = 'EB408'; end if;
  update public.brands b set removed_at = ebb.clock() where b.tenant_id = held.id and b.removed_at is null;
  if set_brand.name is not null then
    insert into public.brands (id, tenant_id, name, logo_url, contact, privacy_contact, set_at)
      values (set_brand.id, held.id, set_brand.name, set_brand.logo_url, set_brand.contact, set_brand.privacy_contact,
              ebb.clock());
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.set_brand(uuid, text, text, text, text) owner to ebb_maint;
--> statement-breakpoint
-- The tenant entered, with its plan and its controller: who decides why and how its data is processed (GDPR article
-- 4(7)), as it appears to the tenant. That is the reseller above a client, under its brand or else its name; null for all
-- others, who are their own. Whoever asks learns no parent of its own. Times are ms since 1970.
create function ebb.show_tenant()
  returns table (id uuid, parent_id uuid, kind text, name text, status text, home_region text, created_at bigint,
                 closed_at bigint, plan text, controller jsonb)
  language sql stable security definer set search_path = ''
  begin atomic
    select t.id, case when t.id <> e.actor_tenant then t.parent_id end, t.kind, t.name,
           case when t.closed_at is null then t.status else 'closed' end, t.home_region,
           pg_catalog.floor(extract(epoch from t.created_at) * 1000)::bigint,
           pg_catalog.floor(extract(epoch from t.closed_at) * 1000)::bigint,
           ebb.plan_of(t.id),
           (select pg_catalog.jsonb_build_object('name', coalesce(b.name, r.name), 'logoUrl', b.logo_url,
                     'contact', b.contact, 'privacyContact', b.privacy_contact)
              from public.tenants r
              left join public.brands b on b.tenant_id = r.id and b.removed_at is null and b.expires_at > ebb.clock()
             where r.id = t.parent_id and t.kind = 'client')
      from ebb.entered() e join public.tenants t on t.id = e.target and t.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.show_tenant() owner to ebb_maint;
--> statement-breakpoint
-- As in 0011, for whoever may close.
create or replace function ebb.close_tenant(closing boolean) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  entered record;
  changed integer;
begin
  if not ebb.may('tenants:close') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  select t.id, t.path, t.closed_at into entered
    from ebb.context() c join public.tenants t on t.id = c.target
   where t.kind <> 'platform'
     for no key update of t;
  if not found then raise exception 'no such tenant' using errcode = 'EB404'; end if;
  if closing = (entered.closed_at is not null) then return 0; end if;
  -- Nobody could enter it, and it would keep what is above it from going.
  if not closing and exists (select from public.tenants up where up.id = any (entered.path) and up.id <> entered.id and up.closed_at is not null) then
    raise exception 'what is above is closed' using errcode = 'EB408';
  end if;
  if closing then
    update public.tenants t
       set closed_at = ebb.clock(), status = case t.status when 'active' then 'closed' else t.status end
     where t.path @> array[entered.id] and t.closed_at is null;
  else
    -- Those below that were closed with it, and not those that had been before.
    update public.tenants t
       set closed_at = null, status = case t.status when 'closed' then 'active' else t.status end
     where t.path @> array[entered.id] and t.closed_at = entered.closed_at;
  end if;
  get diagnostics changed = row_count;
  return changed;
end
$$;
--> statement-breakpoint
-- As in 0006, for whoever may set limits: what concerns a gate below is posted with it.
create or replace function ebb.post(tenant uuid, message jsonb) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  if not ebb.may('limits:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, post.message, ebb.clock()
      from ebb.context() c join public.tenants t on c.actor_tenant = any (t.path)
     where t.id = tenant and t.expires_at > ebb.clock();
  if not found then raise exception 'no such tenant' using errcode = 'EB404'; end if;
end
$$;
