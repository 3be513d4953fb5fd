-- Who may enter what, and whether it is opened. New functions, and new bodies for those of 0002: locks nothing in use.

-- An id as the API shows it (a prefix and a ULID: 128 bits in Crockford's base 32), for what SQL writes into the audit.
create function ebb.typed_id(prefix text, id uuid) returns text
  language sql immutable parallel safe set search_path = ''
  return prefix || '_' || (
    select pg_catalog.string_agg(pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
             pg_catalog.substr(b.bits, g * 5 + 1, 5)::bit(5)::integer + 1, 1), '' order by g)
      from pg_catalog.generate_series(0, 25) g,
           (select '00' || ('x' || pg_catalog.replace(id::text, '-', ''))::bit(128)::text as bits) b
  );
--> statement-breakpoint
alter function ebb.typed_id(text, uuid) owner to ebb_maint;
--> statement-breakpoint
-- The MAC of a context. `opened`: whether the target's data may be read, or the tenant only administered.
create function ebb.seal(actor_kind text, actor_id uuid, actor_tenant uuid, target uuid, opened boolean) returns text
  language sql stable parallel restricted security definer set search_path = ''
  return (
    select pg_catalog.encode(
      pg_catalog.sha256(k.outer_pad || pg_catalog.sha256(k.inner_pad || pg_catalog.convert_to(
        pg_catalog.concat_ws('|', actor_kind, actor_id, actor_tenant, target, opened, pg_catalog.pg_backend_pid(),
          extract(epoch from pg_catalog.transaction_timestamp())), 'UTF8'))), 'hex')
    from ebb.context_key k
  );
--> statement-breakpoint
alter function ebb.seal(text, uuid, uuid, uuid, boolean) owner to ebb_maint;
--> statement-breakpoint
-- The verified context of this transaction, or no row.
create function ebb.entered()
  returns table (actor_kind text, actor_id uuid, actor_tenant uuid, target uuid, opened boolean)
  language plpgsql stable parallel restricted security definer set search_path = ''
as $$
declare
  part text[] := string_to_array(nullif(current_setting('ebb.context', true), ''), '|');
begin
  if part is null or cardinality(part) <> 6 or part[6] is null then return; end if;
  if part[6] is distinct from ebb.seal(part[1], part[2]::uuid, part[3]::uuid, part[4]::uuid, part[5]::boolean) then
    return;
  end if;
  return query select part[1], part[2]::uuid, part[3]::uuid, part[4]::uuid, part[5]::boolean;
exception when invalid_text_representation then return;
end
$$;
--> statement-breakpoint
alter function ebb.entered() owner to ebb_maint;
--> statement-breakpoint
create or replace function ebb.context() returns table (actor_kind text, actor_id uuid, actor_tenant uuid, target uuid)
  language plpgsql stable parallel restricted security definer set search_path = ''
as $$
begin
  return query select e.actor_kind, e.actor_id, e.actor_tenant, e.target from ebb.entered() e;
end
$$;
--> statement-breakpoint
drop function ebb.seal(text, uuid, uuid, uuid);
--> statement-breakpoint
-- The tenant whose data this transaction may read; null where it has entered none, or only administers one. Every policy
-- asks this or the next once a statement, so both verify the MAC (`ebb.seal`) themselves: half the time of calling it. The
-- text is compared before anything in it is read, and what has the MAC was written by `ebb.enter`.
create or replace function ebb.tenant() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = ''
as $$
declare
  part text[] := string_to_array(current_setting('ebb.context', true), '|');
begin
  if cardinality(part) = 6 and part[5] = 't' and part[6] = (
    select encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
             concat_ws('|', part[1], part[2], part[3], part[4], part[5], pg_backend_pid(),
               extract(epoch from transaction_timestamp())), 'UTF8'))), 'hex')
      from ebb.context_key k) then
    return part[4]::uuid;
  end if;
  return null;
end
$$;
--> statement-breakpoint
-- The tenant that this transaction has entered, opened or not: what administering it needs.
create function ebb.target() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = ''
as $$
declare
  part text[] := string_to_array(current_setting('ebb.context', true), '|');
begin
  if cardinality(part) = 6 and part[6] = (
    select encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
             concat_ws('|', part[1], part[2], part[3], part[4], part[5], pg_backend_pid(),
               extract(epoch from transaction_timestamp())), 'UTF8'))), 'hex')
      from ebb.context_key k) then
    return part[4]::uuid;
  end if;
  return null;
end
$$;
--> statement-breakpoint
alter function ebb.target() owner to ebb_maint;
--> statement-breakpoint
-- What a person is in a tenant: by a membership there or above it, whichever lets do more, the nearer of two alike. A
-- member of the platform's is an operator below it, or nothing.
create function ebb.role_in(person uuid, tenant uuid) returns table (membership_tenant uuid, role text)
  language sql stable security definer set search_path = ''
  begin atomic
    select own.id,
           case when own.kind <> 'platform' or own.id = role_in.tenant then m.role
                when m.role in ('owner', 'operator') then 'operator' end
      from public.tenants t
      join public.tenants own on own.id = any (t.path)
      join public.memberships m on m.tenant_id = own.id and m.person_id = role_in.person
     where t.id = role_in.tenant and m.removed_at is null and m.expires_at > ebb.clock()
       and t.expires_at > ebb.clock()
     order by pg_catalog.array_position(array['owner', 'admin', 'operator', 'member'],
                case when own.kind <> 'platform' or own.id = role_in.tenant then m.role
                     when m.role in ('owner', 'operator') then 'operator' end),
              pg_catalog.cardinality(own.path) desc
     limit 1;
  end;
--> statement-breakpoint
alter function ebb.role_in(uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Whether what the tenant's credentials ask is refused: EB403 where it or a tenant above it is suspended, EB413 where
-- one is closed. Null: it is not.
create function ebb.refused_for(tenant uuid) returns text
  language sql stable security definer set search_path = ''
  begin atomic
    select case when pg_catalog.bool_or(t.closed_at is not null or t.status = 'closed' or t.expires_at <= ebb.clock()) then 'EB413'
                when pg_catalog.bool_or(t.status <> 'active') then 'EB403' end
      from public.tenants own join public.tenants t on t.id = any (own.path)
     where own.id = refused_for.tenant;
  end;
--> statement-breakpoint
alter function ebb.refused_for(uuid) owner to ebb_maint;
--> statement-breakpoint
drop function ebb.enter(bytea, uuid);
--> statement-breakpoint
-- Proves the credential with this SHA-256 (an API key, a personal access token, a registration key or a session) and
-- enters `target` for this transaction: its own tenant when null, of a person the only one. An operator of the platform
-- who gives a `reason` opens the tenant, which its audit then says; without one the tenant is only administered.
-- Refusals are exceptions whose SQLSTATE says why; only those after the hash was found tell more than "unknown":
-- EB401 unknown, EB410 expired, EB411 revoked, EB412 used up, EB403 suspended, EB413 closed, EB404 a target that is not
-- below, EB414 several tenants and none named.
create function ebb.enter(credential bytea, target uuid default null, reason text default null,
                          request_id text default null)
  returns table (actor_kind text, actor_id uuid, actor_tenant uuid, tenant_id uuid, gate_id text, workspace_id uuid,
                 permissions text[], person_id uuid, role text, closed boolean, opened boolean, actor_gate text)
  language plpgsql security definer set search_path = ''
as $$
declare
  actor record;
  entered record;
  own record;
  refused text;
  is_opened boolean;
  wanted uuid := target;
begin
  -- A key ends when the tenant from which it was made is no longer above.
  select c.kind, c.id, c.tenant_id, c.valid_until,
         case when c.maker_tenant_id is null or c.maker_tenant_id = any (t.path) then c.revoked_at else '-infinity' end as revoked_at,
         null::timestamptz as used_up_at, null::uuid as workspace_id, c.permissions, c.person_id, null::text as role
    into actor
    from public.credentials c join public.tenants t on t.id = c.tenant_id
   where c.secret_hash = credential and c.kind in ('api-key', 'personal-access-token') and c.expires_at > ebb.clock();
  if not found then
    select 'person' as kind, s.person_id as id, null::uuid as tenant_id, null::timestamptz as valid_until,
           s.ended_at as revoked_at, null::timestamptz as used_up_at, null::uuid as workspace_id,
           null::text[] as permissions, s.person_id, null::text as role
      into actor
      from public.sessions s
      join public.people p on p.id = s.person_id and p.expires_at > ebb.clock()
     where s.secret_hash = credential and s.expires_at > ebb.clock();
  end if;
  if actor.kind is null then
    select 'registration-key' as kind, k.id, k.tenant_id, k.valid_until, k.revoked_at, k.used_up_at,
           k.workspace_id, array['instances:register'] as permissions, null::uuid as person_id, null::text as role
      into actor
      from public.registration_keys k
     where k.secret_hash = credential and k.expires_at > ebb.clock();
    if not found then raise exception 'unknown credential' using errcode = 'EB401'; end if;
  end if;
  if actor.revoked_at <= ebb.clock() then raise exception 'revoked credential' using errcode = 'EB411'; end if;
  if actor.valid_until <= ebb.clock() then raise exception 'expired credential' using errcode = 'EB410'; end if;
  if actor.used_up_at is not null then raise exception 'used credential' using errcode = 'EB412'; end if;
  if actor.kind = 'person' and wanted is null then
    select m.tenant_id into wanted
      from public.memberships m join public.tenants t on t.id = m.tenant_id and t.expires_at > ebb.clock()
     where m.person_id = actor.person_id and m.removed_at is null and m.expires_at > ebb.clock();
    if not found then raise exception 'no tenant' using errcode = 'EB404'; end if;
    if (select count(*) from public.memberships m join public.tenants t on t.id = m.tenant_id and t.expires_at > ebb.clock()
         where m.person_id = actor.person_id and m.removed_at is null and m.expires_at > ebb.clock()) > 1 then
      raise exception 'several tenants' using errcode = 'EB414';
    end if;
  end if;
  -- A person's tenant is where the membership is; a credential's role is its person's in the target, there or above. Who
  -- is nothing in another tenant does not enter it.
  if actor.person_id is not null then
    select r.membership_tenant, r.role into own
      from ebb.role_in(actor.person_id, coalesce(wanted, actor.tenant_id)) r;
    if own.role is not null then
      actor.tenant_id := coalesce(actor.tenant_id, own.membership_tenant);
      actor.role := own.role;
    elsif actor.kind = 'person' or wanted <> actor.tenant_id then
      raise exception 'no such target' using errcode = 'EB404';
    else
      actor.role := 'none';
    end if;
  end if;
  -- Nor is a key of the platform's that is nobody's more than an operator below it.
  if actor.kind = 'api-key' and actor.person_id is null and wanted <> actor.tenant_id
     and exists (select from public.tenants t where t.id = actor.tenant_id and t.kind = 'platform') then
    actor.role := 'operator';
  end if;
  select t.id, t.gate_id into entered
    from public.tenants t
   where t.id = coalesce(wanted, actor.tenant_id)
     and actor.tenant_id = any (t.path)
     and t.expires_at > ebb.clock();
  if not found then raise exception 'no such target' using errcode = 'EB404'; end if;
  refused := ebb.refused_for(actor.tenant_id);
  -- Its owner, in person, may still undo a closing.
  if refused is not null and not (refused = 'EB413' and actor.kind = 'person' and actor.role = 'owner') then
    raise exception 'suspended or closed' using errcode = refused;
  end if;
  is_opened := entered.id = actor.tenant_id or nullif(enter.reason, '') is not null
    or exists (select from public.tenants t where t.id = actor.tenant_id and t.kind <> 'platform');
  perform set_config('ebb.context', concat_ws('|', actor.kind, actor.id, actor.tenant_id, entered.id, is_opened,
    ebb.seal(actor.kind, actor.id, actor.tenant_id, entered.id, is_opened)), true);
  if nullif(enter.reason, '') is not null and entered.id <> actor.tenant_id
     and exists (select from public.tenants t where t.id = actor.tenant_id and t.kind = 'platform') then
    perform ebb.append_audit(uuidv7(), 'tenant.opened', ebb.typed_id('tnt', entered.id),
      jsonb_build_object('reason', enter.reason)::text, coalesce(enter.request_id, ''));
  end if;
  return query select actor.kind, actor.id, actor.tenant_id, entered.id, entered.gate_id, actor.workspace_id,
    actor.permissions, actor.person_id, actor.role, refused is not null, is_opened,
    (select t.gate_id from public.tenants t where t.id = actor.tenant_id);
end
$$;
--> statement-breakpoint
alter function ebb.enter(bytea, uuid, text, text) owner to ebb_maint;
--> statement-breakpoint
-- Whether who entered may do this in the target: what the credential was given, as far as its person's role allows it
-- there now. As `effectivePermissions` has it; the database's functions ask here.
create function ebb.may(permission text) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
declare
  entered record;
  given text[];
  person uuid;
  rank text;
begin
  select * into entered from ebb.entered();
  if not found then return false; end if;
  if entered.actor_kind = 'person' then
    person := entered.actor_id;
  else
    select c.permissions, c.person_id into given, person from public.credentials c
     where c.id = entered.actor_id and c.kind = entered.actor_kind;
    if not found or may.permission <> all (given) then return false; end if;
  end if;
  if person is not null then
    select r.role into rank from ebb.role_in(person, entered.target) r;
    return coalesce(may.permission = any (ebb.permissions_of(rank)), false);
  end if;
  return entered.actor_tenant = entered.target
    or not exists (select from public.tenants t where t.id = entered.actor_tenant and t.kind = 'platform')
    or may.permission = any (ebb.permissions_of('operator'));
end
$$;
--> statement-breakpoint
alter function ebb.may(text) owner to ebb_maint;
--> statement-breakpoint
-- What is made by a key or token, or by a person, is theirs and never more than they: whoever writes the row, this
-- decides. It is its maker's person's, has none of the permissions that its maker may not use, and remembers the tenant
-- from which it was made; what comes from above the platform's customers lasts a day at most. EB405.
create function ebb.credentials_made() returns trigger
  language plpgsql security definer set search_path = ''
as $$
declare
  entered record;
  maker record;
  person uuid;
begin
  select * into entered from ebb.entered();
  -- The database's owner makes the first; a client's secret is its instance's.
  if not found or new.kind = 'client-secret' then return new; end if;
  -- One change of people at a time: whoever is being removed makes nothing that would outlive that.
  perform pg_advisory_xact_lock(hashtext('ebb.members'), hashtext(entered.actor_tenant::text));
  if new.tenant_id is distinct from ebb.tenant()
     or not ebb.may(case new.kind when 'api-key' then 'keys:write' else 'tokens:write' end)
     or exists (select from unnest(new.permissions) p where not ebb.may(p)) then
    raise exception 'more than its maker' using errcode = 'EB405';
  end if;
  select c.person_id, c.maker_tenant_id, c.valid_until into maker from public.credentials c
   where c.id = entered.actor_id and c.kind = entered.actor_kind;
  person := case entered.actor_kind when 'person' then entered.actor_id else maker.person_id end;
  if new.kind = 'personal-access-token' and (person is null or entered.actor_tenant <> entered.target)
     or new.valid_until > maker.valid_until or maker.valid_until is not null and new.valid_until is null then
    raise exception 'more than its maker' using errcode = 'EB405';
  end if;
  -- Of a key that is nobody's, its successor may stay somebody's of the tenant: that is less.
  if person is not null then
    new.person_id := person;
  elsif new.person_id is not null and not exists (
    select from public.credentials c where c.tenant_id = new.tenant_id and c.person_id = new.person_id
  ) then
    raise exception 'nobody of this tenant' using errcode = 'EB405';
  end if;
  new.maker_tenant_id := case when entered.actor_tenant <> entered.target then entered.actor_tenant
                              else maker.maker_tenant_id end;
  if entered.actor_tenant <> entered.target
     and exists (select from public.tenants t where t.id = entered.actor_tenant and t.kind = 'platform')
     and coalesce(new.valid_until, 'infinity') > ebb.clock() + interval '1 day 1 minute' then
    raise exception 'longer than a day' using errcode = 'EB405';
  end if;
  return new;
end
$$;
--> statement-breakpoint
alter function ebb.credentials_made() owner to ebb_maint;
--> statement-breakpoint
-- One authentication event. Only functions of ebb_maint call it. Of a place the country alone.
create function ebb.record_event(event text, outcome text, tenant uuid, actor_kind text, actor_id uuid, person uuid,
    place text, reason text, request_id text) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.authentication_events
      (id, tenant_id, recorded_at, event, outcome, actor_kind, actor_id, person_id, place, reason, request_id, expires_at)
    values (uuidv7(), tenant, ebb.clock(), record_event.event, record_event.outcome, record_event.actor_kind,
            record_event.actor_id, person,
            case when record_event.place ~ '^[A-Z][A-Z0-9]$' then record_event.place end, record_event.reason,
            left(coalesce(record_event.request_id, ''), 40),
            ebb.authentication_events_expiry(ebb.clock()));
end
$$;
--> statement-breakpoint
alter function ebb.record_event(text, text, uuid, text, uuid, uuid, text, text, text) owner to ebb_maint;
