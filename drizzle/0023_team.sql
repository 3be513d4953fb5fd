-- The account paths of the published contract: seats, vouchers, workspaces, when things were last changed, and what ends
-- or outdates a sign-in on an instance. New functions, and new bodies for earlier ones: locks nothing in use. Bodies of
-- earlier versions with fewer arguments stay for Workers of the version before.

-- Sets `updated_at` of a row in which something that people see has changed: which columns those are stands with the
-- triggers (src/privacy/account-triggers.ts).
create function ebb.updated() returns trigger
  language plpgsql security definer set search_path = ''
as $$
begin
  new.updated_at := ebb.clock();
  return new;
end
$$;
--> statement-breakpoint
alter function ebb.updated() owner to ebb_maint;
--> statement-breakpoint
-- One change of people, seats or generations at a time in a tenant, as ebb.lock_members: before any row is locked.
create function ebb.lock_members_of(tenant uuid) returns void
  language sql security definer set search_path = ''
  begin atomic
    select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('ebb.members'), pg_catalog.hashtext(tenant::text));
  end;
--> statement-breakpoint
alter function ebb.lock_members_of(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Has the gate of a tenant refuse a key or token, by its hash, which goes from table to outbox: longer than any gate remembers one.
create function ebb.post_revoked_hash(tenant uuid, secret_hash bytea, revoked_at timestamptz) returns void
  language sql security definer set search_path = ''
  begin atomic
    select ebb.post_revoked(tenant, 'key', pg_catalog.encode(secret_hash, 'hex'), 'key-revoked',
      ebb.expiry(revoked_at, interval '90 days'));
  end;
--> statement-breakpoint
alter function ebb.post_revoked_hash(uuid, bytea, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Ends the sign-ins of a person in a tenant and in those below it where the person is nothing any more. Returns the gates.
create function ebb.end_sign_ins_of(tenant uuid, person uuid) returns text[]
  language sql security definer set search_path = ''
  return ebb.end_families(array(
    select f.id from public.token_families f
     where f.person_id = end_sign_ins_of.person and f.ended_at is null and f.expires_at > ebb.clock()
       and f.tenant_id in (select t.id from public.tenants t where t.path @> array[end_sign_ins_of.tenant])
       and not exists (select from ebb.role_in(f.person_id, f.tenant_id) r where r.role is not null)));
--> statement-breakpoint
alter function ebb.end_sign_ins_of(uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Ends the sign-ins that were approved with a personal access token: none outlives it. Returns the gates.
create function ebb.end_sign_ins_by(credential uuid) returns text[]
  language sql security definer set search_path = ''
  return ebb.end_families(array(
    select f.id from public.token_families f
     where f.credential_id = end_sign_ins_by.credential and f.ended_at is null and f.expires_at > ebb.clock()));
--> statement-breakpoint
alter function ebb.end_sign_ins_by(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Raises the generation of all workspaces of a tenant to the same new number, and has its gate refuse access tokens of
-- these people that are of an older one: nobody else's. Returns the number.
create function ebb.raise_generation(tenant uuid, people uuid[]) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  raised integer;
begin
  perform ebb.lock_members_of(raise_generation.tenant);
  select coalesce(max(w.generation), 0) + 1 into raised
    from public.workspaces w where w.tenant_id = raise_generation.tenant;
  update public.workspaces w set generation = raised
   where w.tenant_id = raise_generation.tenant and w.removed_at is null;
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', 'generation',
             'personId', ebb.typed_id('per', p.id),
             'generation', raised,
             'untilMs', floor(extract(epoch from ebb.user_token_reach()) * 1000)),
           ebb.clock()
      from public.tenants t, unnest(raise_generation.people) as p (id)
     where t.id = raise_generation.tenant and t.expires_at > ebb.clock();
  return raised;
end
$$;
--> statement-breakpoint
alter function ebb.raise_generation(uuid, uuid[]) owner to ebb_maint;
--> statement-breakpoint
-- As in 0017, with the generation raised below too, where the person has signed in on instances: tokens name that of the
-- tenant whose instance it is. Nearer tenants first, so that two changes at once do not wait for each other.
create or replace function ebb.access_changed(tenant uuid, person uuid) returns text[]
  language plpgsql security definer set search_path = ''
as $$
declare
  below record;
  gates text[] := '{}';
  told_gates text[];
begin
  perform ebb.raise_generation(access_changed.tenant, array[access_changed.person]);
  for below in
    select t.id, t.gate_id from public.tenants t
     where t.path @> array[access_changed.tenant] and t.id <> access_changed.tenant and t.expires_at > ebb.clock()
       and t.id in (
         select f.tenant_id from public.token_families f
          where f.person_id = access_changed.person and f.ended_at is null and f.expires_at > ebb.clock())
     order by cardinality(t.path), t.id
  loop
    perform ebb.raise_generation(below.id, array[access_changed.person]);
    gates := gates || below.gate_id;
  end loop;
  with told as (
    insert into public.outbox (tenant_id, gate_id, message, recorded_at)
      select t.id, t.gate_id, jsonb_build_object('kind', 'keys-changed'), ebb.clock()
        from public.tenants t
       where t.path @> array[access_changed.tenant] and t.expires_at > ebb.clock()
         and (t.id = access_changed.tenant or t.id in (
           select c.tenant_id from public.credentials c
            where c.person_id = access_changed.person and c.kind in ('api-key', 'personal-access-token')
              and c.expires_at > ebb.clock()))
      returning gate_id)
  select array_agg(told.gate_id) into told_gates from told;
  return gates || coalesce(told_gates, '{}');
end
$$;
--> statement-breakpoint
-- As in 0017; what was approved with these tokens ends with them.
create or replace function ebb.end_tokens(tenant uuid, person uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  ended record;
begin
  for ended in
    update public.credentials c set revoked_at = ebb.clock()
     where c.person_id = end_tokens.person and c.kind = 'personal-access-token' and c.revoked_at is null
       and c.tenant_id in (select t.id from public.tenants t where t.path @> array[end_tokens.tenant])
       and not exists (select from ebb.role_in(c.person_id, c.tenant_id) r where r.role is not null)
    returning c.id, c.tenant_id, c.secret_hash, c.revoked_at
  loop
    perform ebb.post_revoked_hash(ended.tenant_id, ended.secret_hash, ended.revoked_at);
    perform ebb.end_sign_ins_by(ended.id);
  end loop;
end
$$;
--> statement-breakpoint
-- As in 0018; what was approved with a token ends with it.
create or replace function ebb.post_revoked_key(key uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  revoked record;
begin
  select c.id, c.tenant_id, c.secret_hash, c.revoked_at into revoked
    from public.credentials c
   where c.id = post_revoked_key.key and c.tenant_id = ebb.tenant()
     and c.kind in ('api-key', 'personal-access-token') and c.revoked_at is not null;
  if not found then raise exception 'no such key' using errcode = 'EB404'; end if;
  perform ebb.post_revoked_hash(revoked.tenant_id, revoked.secret_hash, revoked.revoked_at);
  perform ebb.end_sign_ins_by(revoked.id);
end
$$;
--> statement-breakpoint
-- As in 0016; their sign-ins on instances end as their sessions do, however approved.
create or replace function ebb.end_provider_sessions(provider uuid)
  returns table (ended integer, revoked integer, gates text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  removed record;
  stopped record;
begin
  select i.tenant_id, i.issuer into removed from public.identity_providers i
   where i.id = provider and i.tenant_id = ebb.tenant() and i.removed_at is not null;
  if not found then raise exception 'no such provider' using errcode = 'EB404'; end if;
  -- Of an end and an issue at once the one sees the other (ebb.lock_grounds).
  perform from public.people p
   where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer order by p.id for update;
  update public.device_codes d set denied_at = ebb.clock()
    from public.people p
   where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and d.person_id = p.id
     and d.used_at is null and d.denied_at is null;
  update public.authorization_codes c set used_at = ebb.clock()
    from public.people p
   where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and c.person_id = p.id
     and c.used_at is null;
  update public.sessions s set ended_at = ebb.clock()
    from public.people p
   where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and s.person_id = p.id
     and s.ended_at is null;
  get diagnostics ended = row_count;
  revoked := 0;
  gates := '{}';
  for stopped in
    update public.credentials c set revoked_at = ebb.clock()
      from public.people p, public.tenants t
     where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and c.person_id = p.id
       and c.kind = 'personal-access-token' and c.revoked_at is null and t.id = c.tenant_id
    returning c.id, c.tenant_id, c.secret_hash, c.revoked_at, t.gate_id
  loop
    perform ebb.post_revoked_hash(stopped.tenant_id, stopped.secret_hash, stopped.revoked_at);
    gates := gates || stopped.gate_id || ebb.end_sign_ins_by(stopped.id);
    revoked := revoked + 1;
  end loop;
  gates := gates || ebb.end_families(array(
    select f.id from public.token_families f join public.people p on p.id = f.person_id
     where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and f.ended_at is null));
  select coalesce(array_agg(distinct g), '{}') into gates from unnest(gates) as g;
  return next;
end
$$;
--> statement-breakpoint
-- As in 0017; the sign-ins on instances of whoever leaves end too.
create or replace function ebb.remove_member(member uuid) returns table (person_id uuid, previous text, gates text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  leaving public.memberships;
begin
  perform ebb.lock_members();
  if not exists (select from ebb.entered() e join public.memberships m on m.person_id = e.actor_id
                  where e.actor_kind = 'person' and m.id = remove_member.member) then
    perform ebb.assert_manages('{}');
    leaving := ebb.member(remove_member.member);
    perform ebb.assert_manages(array[leaving.role]);
  end if;
  leaving := ebb.member(remove_member.member);
  if leaving.role = 'owner' then perform ebb.assert_owner_remains(leaving.id); end if;
  update public.memberships m set removed_at = ebb.clock() where m.id = leaving.id;
  perform ebb.end_tokens(leaving.tenant_id, leaving.person_id);
  return query select leaving.person_id, leaving.role,
    ebb.end_sign_ins_of(leaving.tenant_id, leaving.person_id) || ebb.access_changed(leaving.tenant_id, leaving.person_id);
end
$$;
--> statement-breakpoint
-- As in 0015; the sign-ins on its instances of those who are nothing there any more end.
create or replace function ebb.move_tenant(parent uuid) returns boolean
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
  above record;
  ended record;
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
  for ended in
    update public.credentials c set revoked_at = ebb.clock()
     where c.tenant_id = held.id and c.kind <> 'client-secret' and c.revoked_at is null
       and not (c.maker_tenant_id = any (above.path || held.id))
    returning c.id, c.secret_hash, c.revoked_at
  loop
    perform ebb.post_revoked_hash(held.id, ended.secret_hash, ended.revoked_at);
    perform ebb.end_sign_ins_by(ended.id);
  end loop;
  -- Whoever was somebody there by belonging to the former reseller.
  perform ebb.end_families(array(
    select f.id from public.token_families f
     where f.tenant_id = held.id and f.ended_at is null
       and not exists (select from ebb.role_in(f.person_id, f.tenant_id) r where r.role is not null)));
  -- What the others may do there may be another thing now.
  perform ebb.raise_generation(held.id, array(
    select distinct f.person_id from public.token_families f where f.tenant_id = held.id and f.ended_at is null));
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
-- How many people may hold a seat in a tenant by its running subscription (null: any number), and how many seats are
-- taken: by members, and by open invitations that will.
create function ebb.seats_of(tenant uuid) returns table (seats integer, used integer)
  language sql stable security definer set search_path = ''
  begin atomic
    select (select s.seats from public.subscriptions s
             where s.tenant_id = seats_of.tenant and s.status = 'active' and s.expires_at > ebb.clock()
             order by s.started_at desc, s.id desc limit 1),
           ((select pg_catalog.count(*) from public.memberships m
              where m.tenant_id = seats_of.tenant and m.use_seat and m.removed_at is null and m.expires_at > ebb.clock())
          + (select pg_catalog.count(*) from public.invitations i
              where i.tenant_id = seats_of.tenant and i.use_seat and i.accepted_at is null and i.revoked_at is null
                and i.valid_until > ebb.clock()))::integer;
  end;
--> statement-breakpoint
alter function ebb.seats_of(uuid) owner to ebb_maint;
--> statement-breakpoint
-- The same of the tenant entered.
create function ebb.seats() returns table (seats integer, used integer)
  language sql stable security definer set search_path = ''
  begin atomic
    select s.seats, s.used from ebb.entered() e, ebb.seats_of(e.target) s;
  end;
--> statement-breakpoint
alter function ebb.seats() owner to ebb_maint;
--> statement-breakpoint
-- EB430 where more seats are taken than the subscription has. Whoever asks has locked the members.
create function ebb.assert_seats(tenant uuid) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if exists (select from ebb.seats_of(assert_seats.tenant) s where s.used > s.seats) then
    raise exception 'no seat left' using errcode = 'EB430';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_seats(uuid) owner to ebb_maint;
--> statement-breakpoint
-- As in 0017, with or without a seat. EB430 where none is left: an open invitation holds its seat.
create function ebb.invite(id uuid, email text, role text, secret_hash bytea, use_seat boolean)
  returns table (valid_until timestamptz, withdrawn uuid, invited_by uuid)
  language plpgsql security definer set search_path = ''
as $$
declare
  address text := lower(invite.email);
  former public.invitations;
  until timestamptz := ebb.clock() + interval '7 days';
begin
  perform ebb.lock_members();
  perform ebb.assert_manages(array[invite.role]);
  perform ebb.assert_role_exists(invite.role);
  if address !~ '^[^@[:cntrl:][:space:]]+@[^@[:cntrl:][:space:]]+$' or length(address) > 254 then
    raise exception 'no address' using errcode = '22023';
  end if;
  select i.* into former from public.invitations i
   where i.tenant_id = ebb.tenant() and i.email = address and i.accepted_at is null and i.revoked_at is null
     and i.valid_until > ebb.clock();
  if found then
    perform ebb.assert_manages(array[former.role]);
    update public.invitations i set revoked_at = ebb.clock() where i.id = former.id;
  end if;
  if (select count(*) from public.invitations i
       where i.tenant_id = ebb.tenant() and i.accepted_at is null and i.revoked_at is null
         and i.valid_until > ebb.clock()) >= 100 then
    raise exception 'too many invitations' using errcode = 'EB419';
  end if;
  perform ebb.assert_may_mail(address);
  insert into public.invitations (id, tenant_id, email, role, use_seat, secret_hash, invited_by, created_at, valid_until)
    values (invite.id, ebb.tenant(), address, invite.role, invite.use_seat, invite.secret_hash, ebb.acting_person(),
            ebb.clock(), until);
  if invite.use_seat then perform ebb.assert_seats(ebb.tenant()); end if;
  return query select until, former.id, ebb.acting_person();
end
$$;
--> statement-breakpoint
alter function ebb.invite(uuid, text, text, bytea, boolean) owner to ebb_maint;
--> statement-breakpoint
-- For Workers of the version before.
create or replace function ebb.invite(id uuid, email text, role text, secret_hash bytea)
  returns table (valid_until timestamptz, withdrawn uuid, invited_by uuid)
  language sql security definer set search_path = ''
  begin atomic
    select i.valid_until, i.withdrawn, i.invited_by
      from ebb.invite(invite.id, invite.email, invite.role, invite.secret_hash, true) i;
  end;
--> statement-breakpoint
-- As in 0016, taking the seat that the invitation holds. EB430 where the subscription has lost it meanwhile.
create or replace function ebb.accept_invitation(credential bytea, token_hash bytea, request_id text)
  returns table (invitation uuid, tenant uuid, tenant_name text, membership uuid, role text, gates text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  own record;
  invited record;
  member record;
  refused text;
  told text[];
  made uuid := uuidv7();
begin
  select p.id, p.email, p.email_verified, p.provider_tenant_id into own
    from ebb.person_of(credential) o join public.people p on p.id = o.person;
  -- As `ebb.lock_members` in the tenant, before the row as everywhere: the inviter's own role holds until this is done.
  perform pg_advisory_xact_lock(hashtext('ebb.members'), hashtext(i.tenant_id::text))
    from public.invitations i where i.secret_hash = token_hash and i.expires_at > ebb.clock();
  select i.id, i.tenant_id, i.email, i.role, i.use_seat, i.invited_by, i.accepted_at, i.revoked_at, i.valid_until, t.name
    into invited
    from public.invitations i join public.tenants t on t.id = i.tenant_id and t.expires_at > ebb.clock()
   where i.secret_hash = token_hash and i.expires_at > ebb.clock()
     for update of i;
  if not found then raise exception 'unknown invitation' using errcode = 'EB404'; end if;
  if own.email is null or not own.email_verified or lower(own.email) <> lower(invited.email)
     or own.provider_tenant_id <> invited.tenant_id then
    raise exception 'for another' using errcode = 'EB418';
  end if;
  select m.id, m.role into member from public.memberships m
   where m.tenant_id = invited.tenant_id and m.person_id = own.id and m.removed_at is null
     and m.expires_at > ebb.clock();
  if invited.accepted_at is not null then
    if member.id is null then raise exception 'used' using errcode = 'EB417'; end if;
    return query select invited.id, invited.tenant_id, invited.name, member.id, member.role, '{}'::text[];
    return;
  end if;
  if invited.revoked_at is not null then raise exception 'withdrawn' using errcode = 'EB417'; end if;
  if invited.valid_until <= ebb.clock() then raise exception 'expired' using errcode = 'EB416'; end if;
  refused := ebb.refused_for(invited.tenant_id);
  if refused is not null then raise exception 'suspended or closed' using errcode = refused; end if;
  if member.id is not null then raise exception 'a member already' using errcode = 'EB408'; end if;
  -- What `ebb.assert_manages` asked of whoever invited, asked of them once more.
  if invited.invited_by is not null and not exists (
       select from ebb.role_in(invited.invited_by, invited.tenant_id) r
        where r.role = 'owner' or (r.role = 'admin' and invited.role in ('admin', 'member'))) then
    raise exception 'by somebody who may not' using errcode = 'EB417';
  end if;
  begin
    insert into public.memberships (id, tenant_id, person_id, role, use_seat, created_at)
      values (made, invited.tenant_id, own.id, invited.role, invited.use_seat, ebb.clock());
  exception when unique_violation then raise exception 'a member already' using errcode = 'EB408';
  end;
  update public.invitations i set accepted_at = ebb.clock() where i.id = invited.id;
  if invited.use_seat then perform ebb.assert_seats(invited.tenant_id); end if;
  told := ebb.access_changed(invited.tenant_id, own.id);
  perform ebb.audit_joining(own.id, invited.tenant_id, 'invitation.accepted', ebb.typed_id('inv', invited.id),
    jsonb_build_object('membership', ebb.typed_id('mem', made), 'role', invited.role)::text, request_id);
  return query select invited.id, invited.tenant_id, invited.name, made, invited.role, told;
end
$$;
--> statement-breakpoint
-- Gives a member of the tenant entered a seat, or takes it. EB405 not permitted, EB404 no such member, EB430 none left.
create function ebb.set_seat(member uuid, use_seat boolean) returns table (person_id uuid, previous boolean)
  language plpgsql security definer set search_path = ''
as $$
declare
  seated public.memberships;
begin
  perform ebb.lock_members();
  perform ebb.assert_manages('{}');
  seated := ebb.member(set_seat.member);
  update public.memberships m set use_seat = set_seat.use_seat where m.id = seated.id;
  if set_seat.use_seat and not seated.use_seat then perform ebb.assert_seats(seated.tenant_id); end if;
  return query select seated.person_id, seated.use_seat;
end
$$;
--> statement-breakpoint
alter function ebb.set_seat(uuid, boolean) owner to ebb_maint;
--> statement-breakpoint
-- What ebb.post_tenants posts, whoever asks: for functions alone.
create function ebb.tell_tenants(root uuid) returns void
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
      from public.tenants t
     where t.path @> array[root] and t.expires_at > ebb.clock()
     order by cardinality(t.path);
end
$$;
--> statement-breakpoint
alter function ebb.tell_tenants(uuid) owner to ebb_maint;
--> statement-breakpoint
-- As in 0015.
create or replace function ebb.post_tenants(root uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  if exists (select from ebb.context() c join public.tenants t on t.id = root and c.actor_tenant = any (t.path)) then
    perform ebb.tell_tenants(root);
  end if;
end
$$;
--> statement-breakpoint
-- Puts a tenant, whose row is locked, on a plan: the running subscription ends as the new one starts, for so many seats
-- (null: any number) and until then (null: for good). With null its last one ends. What only the enterprise plan allows
-- ends with it: own windows go back to the schedule's, a longer one in 30 days.
create function ebb.put_on_plan(tenant uuid, id uuid, plan text, seats integer, ends_at timestamptz) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  own record;
  kept integer;
  effective timestamptz;
begin
  if put_on_plan.plan is not null then
    -- Before the other ends: a tenant with one running has not lost its last.
    insert into public.subscriptions (id, tenant_id, plan, status, started_at, ends_at, seats)
      values (put_on_plan.id, put_on_plan.tenant, put_on_plan.plan, 'active', ebb.clock(), put_on_plan.ends_at,
              put_on_plan.seats);
  end if;
  update public.subscriptions s set status = 'ended', ended_at = ebb.clock()
   where s.tenant_id = put_on_plan.tenant and s.status = 'active' and s.id <> put_on_plan.id;
  perform ebb.assert_seats(put_on_plan.tenant);
  if put_on_plan.plan is distinct from 'enterprise' then
    for own in
      select r.id, r.retention_class, r.months, r.effective_at from public.retention_windows r
       where r.tenant_id = put_on_plan.tenant and coalesce(r.superseded_at > ebb.clock(), true)
    loop
      select v.kept into kept from ebb.varying(own.retention_class) v;
      if own.months = kept then continue; end if;
      effective := case when own.effective_at > ebb.clock() then own.effective_at
                        when own.months < kept then ebb.expiry(ebb.clock(), interval '30 days')
                        else ebb.clock() end;
      update public.retention_windows r set superseded_at = effective where r.id = own.id;
      insert into public.retention_windows (id, tenant_id, retention_class, months, set_at, effective_at)
        values (uuidv7(), put_on_plan.tenant, own.retention_class, kept, ebb.clock(), effective);
    end loop;
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.put_on_plan(uuid, uuid, text, integer, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- As in 0015, for so many seats; null: any number. EB430 where more are taken.
create function ebb.change_plan(id uuid, plan text, seats integer) returns text
  language plpgsql security definer set search_path = ''
as $$
declare
  held record;
  above record;
  before text;
begin
  if not ebb.may('subscriptions:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  perform ebb.lock_members_of(ebb.target());
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
    -- Of the same plan, going on for good, only the seats change.
    update public.subscriptions s set seats = change_plan.seats
     where s.tenant_id = held.id and s.status = 'active' and s.expires_at > ebb.clock() and s.ends_at is null
       and s.plan = change_plan.plan and s.seats is distinct from change_plan.seats;
    if found then
      perform ebb.assert_seats(held.id);
      return before;
    end if;
  end if;
  perform ebb.put_on_plan(held.id, change_plan.id, change_plan.plan, change_plan.seats, null);
  perform ebb.post_tenants(held.id);
  return before;
end
$$;
--> statement-breakpoint
alter function ebb.change_plan(uuid, text, integer) owner to ebb_maint;
--> statement-breakpoint
-- For Workers of the version before.
create or replace function ebb.change_plan(id uuid, plan text) returns text
  language sql security definer set search_path = ''
  return ebb.change_plan(id, plan, null);
--> statement-breakpoint
-- Claims the voucher with this hash for a tenant, once: of two at once one gets it. For direct customers of the platform
-- that issued it: what a reseller's client is on is its reseller's to decide (EB405). EB431 no such voucher, or one that has
-- ended; EB432 on that plan already or on a greater one; EB430 where it has fewer seats than are taken.
create function ebb.redeem_voucher(tenant uuid, code_hash bytea, subscription uuid)
  returns table (voucher uuid, plan text, seats integer, ends_at timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  claiming record;
  claimed record;
  until timestamptz;
begin
  perform ebb.lock_members_of(redeem_voucher.tenant);
  select t.id, t.kind, t.path into claiming from public.tenants t
   where t.id = redeem_voucher.tenant and t.expires_at > ebb.clock() for no key update;
  if not found then raise exception 'no such tenant' using errcode = 'EB404'; end if;
  select v.id, v.tenant_id, v.plan, v.seats, v.months, v.valid_until, v.claimed_at, v.claimed_tenant_id, v.revoked_at
    into claimed
    from public.vouchers v
   where v.code_hash = redeem_voucher.code_hash and v.expires_at > ebb.clock() for update;
  if found and claimed.claimed_tenant_id = claiming.id then
    raise exception 'claimed by this very tenant' using errcode = 'EB432';
  end if;
  if not found or claimed.claimed_at is not null or claimed.revoked_at is not null
     or claimed.valid_until <= ebb.clock()
     or not exists (select from public.tenants p
                     where p.id = claimed.tenant_id and p.kind = 'platform' and p.id = any (claiming.path)) then
    raise exception 'no such voucher' using errcode = 'EB431';
  end if;
  if claiming.kind <> 'direct' then raise exception 'not for this account' using errcode = 'EB405'; end if;
  if ebb.plan_rank(ebb.plan_of(claiming.id)) >= ebb.plan_rank(claimed.plan) then
    raise exception 'already subscribed' using errcode = 'EB432';
  end if;
  until := case when claimed.months is not null then ebb.expiry(ebb.clock(), make_interval(months => claimed.months)) end;
  perform ebb.put_on_plan(claiming.id, redeem_voucher.subscription, claimed.plan, claimed.seats, until);
  update public.vouchers v set claimed_at = ebb.clock(), claimed_tenant_id = claiming.id where v.id = claimed.id;
  perform ebb.tell_tenants(claiming.id);
  return query select claimed.id, claimed.plan, claimed.seats, until;
end
$$;
--> statement-breakpoint
alter function ebb.redeem_voucher(uuid, bytea, uuid) owner to ebb_maint;
--> statement-breakpoint
-- The same for the tenant entered, by whoever may (EB405).
create function ebb.claim_voucher(code_hash bytea, subscription uuid)
  returns table (voucher uuid, plan text, seats integer, ends_at timestamptz)
  language plpgsql security definer set search_path = ''
as $$
begin
  if not (ebb.tenant() is not null and ebb.may('billing:write')) then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  return query select r.* from ebb.redeem_voucher(ebb.tenant(), claim_voucher.code_hash, claim_voucher.subscription) r;
end
$$;
--> statement-breakpoint
alter function ebb.claim_voucher(bytea, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Whose sign-in on an instance this is, while it lives and the person still belongs to that tenant; no row otherwise.
-- EB403 and EB413 for a tenant that is suspended or closed.
create function ebb.person_of_sign_in(family uuid, person uuid, tenant uuid)
  returns table (id uuid, email text, name text, role text, scope text, created_at timestamptz, updated_at timestamptz)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  refused text := ebb.refused_for(person_of_sign_in.tenant);
begin
  if refused is not null and exists (
       select from public.token_families f
        where f.id = person_of_sign_in.family and f.person_id = person_of_sign_in.person
          and f.tenant_id = person_of_sign_in.tenant) then
    raise exception 'suspended or closed' using errcode = refused;
  end if;
  return query
    select p.id, p.email, p.name, r.role, f.scope, p.created_at, p.updated_at
      from public.token_families f
      join public.people p on p.id = f.person_id and p.expires_at > ebb.clock()
      join ebb.role_in(f.person_id, f.tenant_id) r on r.role is not null
     where f.id = person_of_sign_in.family and f.person_id = person_of_sign_in.person
       and f.tenant_id = person_of_sign_in.tenant and f.ended_at is null and f.expires_at > ebb.clock();
end
$$;
--> statement-breakpoint
alter function ebb.person_of_sign_in(uuid, uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Claims a voucher for the tenant in which a person has signed in on an instance, with the scope for it and a role that
-- may (EB405); audited as that person's. EB434 where the sign-in has ended. Returns the tenant's gate.
create function ebb.claim_voucher_of_sign_in(family uuid, person uuid, tenant uuid, code_hash bytea, request_id text)
  returns text
  language plpgsql security definer set search_path = ''
as $$
declare
  own record;
  claimed record;
begin
  -- Before it is looked at who asks: whoever is being removed claims nothing any more.
  perform ebb.lock_members_of(claim_voucher_of_sign_in.tenant);
  select s.* into own from ebb.person_of_sign_in(family, person, tenant) s;
  if not found then raise exception 'the sign-in has ended' using errcode = 'EB434'; end if;
  if not ('billing:write' = any (string_to_array(own.scope, ' '))
          and 'billing:write' = any (ebb.permissions_of(own.role))) then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  select r.* into claimed from ebb.redeem_voucher(tenant, claim_voucher_of_sign_in.code_hash, uuidv7()) r;
  perform ebb.audit_joining(person, tenant, 'voucher.claimed', ebb.typed_id('vch', claimed.voucher),
    jsonb_build_object('plan', claimed.plan, 'seats', claimed.seats)::text, coalesce(request_id, ''));
  return (select t.gate_id from public.tenants t where t.id = claim_voucher_of_sign_in.tenant);
end
$$;
--> statement-breakpoint
alter function ebb.claim_voucher_of_sign_in(uuid, uuid, uuid, bytea, text) owner to ebb_maint;
--> statement-breakpoint
-- Puts tenants whose subscription was to end by now on the free plan: a new subscription begins, so that nothing of theirs
-- is lost. Of at most so many; returns their gates. Audited as nobody's.
create function ebb.end_due_subscriptions(most integer) returns table (tenant uuid, gate_id text)
  language plpgsql security definer set search_path = ''
as $$
declare
  due record;
  ending record;
begin
  for due in
    select t.id, t.gate_id from public.tenants t
     where t.expires_at > ebb.clock() and t.id in (
       select s.tenant_id from public.subscriptions s
        where s.status = 'active' and s.ends_at <= ebb.clock() and s.expires_at > ebb.clock())
     order by t.id limit least(most, 100)
  loop
    perform ebb.lock_members_of(due.id);
    perform from public.tenants t where t.id = due.id for no key update;
    -- Whoever changed the plan meanwhile has decided.
    select s.id, s.plan into ending from public.subscriptions s
     where s.tenant_id = due.id and s.status = 'active' and s.ends_at <= ebb.clock() and s.expires_at > ebb.clock()
     order by s.started_at desc, s.id desc limit 1;
    if not found then continue; end if;
    perform ebb.put_on_plan(due.id, uuidv7(), 'free', null, null);
    perform ebb.tell_tenants(due.id);
    insert into public.audit_entries
        (id, tenant_id, recorded_at, actor_kind, actor_id, action, subject, detail, request_id, expires_at)
      values (uuidv7(), due.id, ebb.clock(), 'job', '00000000-0000-0000-0000-000000000000', 'subscription.expired',
              ebb.typed_id('tnt', due.id), jsonb_build_object('from', ending.plan, 'to', 'free')::text, '',
              ebb.audit_entries_expiry(ebb.clock()));
    tenant := due.id;
    gate_id := due.gate_id;
    return next;
  end loop;
end
$$;
--> statement-breakpoint
alter function ebb.end_due_subscriptions(integer) owner to ebb_maint;
--> statement-breakpoint
-- An instance or a registration key comes into a workspace that is not removed: EB404. The lock has a removal wait, or wait for it.
create function ebb.placed_in_workspace() returns trigger
  language plpgsql security definer set search_path = ''
as $$
declare
  removed timestamptz;
begin
  select w.removed_at into removed from public.workspaces w
   where w.id = new.workspace_id and w.tenant_id = new.tenant_id for key share;
  if removed is not null then raise exception 'no such workspace' using errcode = 'EB404'; end if;
  return new;
end
$$;
--> statement-breakpoint
alter function ebb.placed_in_workspace() owner to ebb_maint;
--> statement-breakpoint
-- Removes a workspace of the tenant entered, with the registration keys that lead into it. EB405 not permitted, EB404 no
-- such workspace, EB433 where instances are in it or it is the last.
create function ebb.remove_workspace(id uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  perform ebb.lock_members();
  if not ebb.may('workspaces:write') then raise exception 'not permitted' using errcode = 'EB405'; end if;
  -- Before the workspace, as a registration locks them.
  update public.registration_keys k set revoked_at = ebb.clock()
   where k.tenant_id = ebb.tenant() and k.workspace_id = remove_workspace.id and k.revoked_at is null;
  perform from public.workspaces w
   where w.id = remove_workspace.id and w.tenant_id = ebb.tenant() and w.removed_at is null
     and w.expires_at > ebb.clock() for update;
  if not found then raise exception 'no such workspace' using errcode = 'EB404'; end if;
  if not exists (select from public.workspaces w
                  where w.tenant_id = ebb.tenant() and w.id <> remove_workspace.id and w.removed_at is null
                    and w.expires_at > ebb.clock())
     or exists (select from public.instances i
                 where i.tenant_id = ebb.tenant() and i.workspace_id = remove_workspace.id and i.removed_at is null) then
    raise exception 'not empty' using errcode = 'EB433';
  end if;
  update public.workspaces w set removed_at = ebb.clock() where w.id = remove_workspace.id;
end
$$;
--> statement-breakpoint
alter function ebb.remove_workspace(uuid) owner to ebb_maint;
--> statement-breakpoint
-- As ebb.look_up_person, which stays for Workers of the version before; also when the provider last told something else of
-- the person.
create function ebb.asking_person(credential bytea)
  returns table (person_id uuid, email text, name text, created_at timestamptz, gate_id text, memberships jsonb,
                 updated_at timestamptz)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  asking record;
begin
  select s.person_id, s.ended_at as ended, true as everywhere into asking
    from public.sessions s where s.secret_hash = credential and s.expires_at > ebb.clock();
  if not found then
    select c.person_id, least(c.revoked_at, c.valid_until) as ended, false as everywhere into asking
      from public.credentials c
     where c.secret_hash = credential and c.kind = 'personal-access-token' and c.expires_at > ebb.clock();
  end if;
  if asking.person_id is null then raise exception 'unknown credential' using errcode = 'EB401'; end if;
  if asking.ended <= ebb.clock() then raise exception 'ended credential' using errcode = 'EB411'; end if;
  return query select p.id, p.email, p.name, p.created_at,
      (array_agg(t.gate_id order by m.id) filter (where t.id is not null))[1],
      coalesce(jsonb_agg(jsonb_build_object('tenant_id', t.id, 'role', m.role) order by m.id)
                 filter (where t.id is not null), '[]'),
      p.updated_at
    from public.people p
    left join public.memberships m on asking.everywhere and m.person_id = p.id and m.removed_at is null
                                  and m.expires_at > ebb.clock()
    left join public.tenants t on t.id = m.tenant_id and t.expires_at > ebb.clock()
   where p.id = asking.person_id and p.expires_at > ebb.clock()
   group by p.id, p.email, p.name, p.created_at, p.updated_at;
  if not found then raise exception 'unknown person' using errcode = 'EB401'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.asking_person(bytea) owner to ebb_maint;
