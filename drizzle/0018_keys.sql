-- API keys and personal access tokens: looked up once and kept by the gate, rotated, and never more than their maker.
-- New functions, and a new body for one of 0006: locks nothing in use.

-- What the edge needs to know of a live key or token, in the one statement that a cold one costs. Writes down the hour
-- of its use, and a country from which it was never used before, which is an event. Needs no tenant entered. Refuses as
-- `ebb.enter` does: EB401, EB410, EB411, EB403, EB413.
create function ebb.look_up_key(credential bytea, place text, request_id text)
  returns table (kind text, id uuid, tenant_id uuid, person_id uuid, name text, permissions text[], role text,
                 allowed_networks text[], allowed_origins text[], calls_per_hour integer, places text[],
                 created_at timestamptz, valid_until timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  found_key record;
  refused text;
  hour timestamptz := date_trunc('hour', ebb.clock(), 'UTC');
begin
  select c.* into found_key
    from public.credentials c
   where c.secret_hash = credential and c.kind in ('api-key', 'personal-access-token') and c.expires_at > ebb.clock();
  if not found then raise exception 'unknown credential' using errcode = 'EB401'; end if;
  if found_key.revoked_at <= ebb.clock()
     or not exists (select from public.tenants t
                     where t.id = found_key.tenant_id and coalesce(found_key.maker_tenant_id, t.id) = any (t.path)) then
    raise exception 'revoked credential' using errcode = 'EB411';
  end if;
  if found_key.valid_until <= ebb.clock() then raise exception 'expired credential' using errcode = 'EB410'; end if;
  refused := ebb.refused_for(found_key.tenant_id);
  if refused is not null then raise exception 'suspended or closed' using errcode = refused; end if;
  update public.credentials c set last_used_at = hour
   where c.id = found_key.id and (c.last_used_at is null or c.last_used_at < hour);
  -- Twenty countries and it is used from everywhere: what comes after is no news.
  if look_up_key.place ~ '^[A-Z][A-Z0-9]$' then
    update public.credentials c set places = c.places || look_up_key.place
     where c.id = found_key.id and look_up_key.place <> all (c.places) and cardinality(c.places) < 20
     returning c.places into found_key.places;
    if found then
      perform ebb.record_event('key-use', 'succeeded', found_key.tenant_id, found_key.kind, found_key.id,
        found_key.person_id, look_up_key.place, null, coalesce(look_up_key.request_id, ''));
    else
      select c.places into found_key.places from public.credentials c where c.id = found_key.id;
    end if;
  end if;
  return query select found_key.kind, found_key.id, found_key.tenant_id, found_key.person_id, found_key.name,
    found_key.permissions,
    case when found_key.person_id is not null then
      coalesce((select r.role from ebb.role_in(found_key.person_id, found_key.tenant_id) r), 'none') end,
    found_key.allowed_networks, found_key.allowed_origins, found_key.calls_per_hour, found_key.places,
    found_key.created_at, found_key.valid_until;
end
$$;
--> statement-breakpoint
alter function ebb.look_up_key(bytea, text, text) owner to ebb_maint;
--> statement-breakpoint
-- The person behind a session or a personal access token, for that person alone. Of a session also where the person
-- belongs, oldest first, and the gate that counts; a token is for one tenant, and hears of no other.
create function ebb.look_up_person(credential bytea)
  returns table (person_id uuid, email text, name text, created_at timestamptz, gate_id text, memberships jsonb)
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
                 filter (where t.id is not null), '[]')
    from public.people p
    left join public.memberships m on asking.everywhere and m.person_id = p.id and m.removed_at is null
                                  and m.expires_at > ebb.clock()
    left join public.tenants t on t.id = m.tenant_id and t.expires_at > ebb.clock()
   where p.id = asking.person_id and p.expires_at > ebb.clock()
   group by p.id, p.email, p.name, p.created_at;
  if not found then raise exception 'unknown person' using errcode = 'EB401'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.look_up_person(bytea) owner to ebb_maint;
--> statement-breakpoint
-- What binds the key or token that entered, also one from a tenant above: what it makes is bound as much. No row for a
-- person in person.
create function ebb.acting_key()
  returns table (valid_until timestamptz, allowed_networks text[], allowed_origins text[], calls_per_hour integer)
  language sql stable security definer set search_path = ''
  begin atomic
    select c.valid_until, c.allowed_networks, c.allowed_origins, c.calls_per_hour
      from ebb.context() x join public.credentials c on c.id = x.actor_id and c.kind = x.actor_kind;
  end;
--> statement-breakpoint
alter function ebb.acting_key() owner to ebb_maint;
--> statement-breakpoint
-- Gives a live API key of the tenant entered so many seconds more, never longer than it had, once its successor is there;
-- its gate hears of it. Returns its end. EB404 for a key of somebody else, EB408 for one that has ended.
create function ebb.rotate_key(former uuid, successor uuid, overlap_s integer, request_id text) returns timestamptz
  language plpgsql security definer set search_path = ''
as $$
declare
  former_key record;
  asking record;
  ends timestamptz;
begin
  if overlap_s is null or overlap_s not between 0 and 30 * 86400 then
    raise exception 'not an overlap' using errcode = '22023';
  end if;
  select c.id, c.tenant_id, c.valid_until, c.revoked_at into former_key
    from public.credentials c
   where c.id = former and c.tenant_id = ebb.tenant() and c.kind = 'api-key' and c.expires_at > ebb.clock()
     for update;
  if not found or former = successor
     or not exists (select from public.credentials s
                     where s.id = successor and s.tenant_id = former_key.tenant_id and s.kind = 'api-key') then
    raise exception 'no such key' using errcode = 'EB404';
  end if;
  if former_key.revoked_at <= ebb.clock() or former_key.valid_until <= ebb.clock() then
    raise exception 'the key has ended' using errcode = 'EB408';
  end if;
  ends := least(former_key.valid_until, ebb.clock() + make_interval(secs => overlap_s));
  update public.credentials c set valid_until = ends where c.id = former;
  select x.actor_kind, x.actor_id into asking from ebb.context() x;
  perform ebb.record_event('key-rotated', 'succeeded', former_key.tenant_id, asking.actor_kind, asking.actor_id,
    ebb.acting_person(), null, null, coalesce(rotate_key.request_id, ''));
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object('kind', 'keys-changed'), ebb.clock()
      from public.tenants t where t.id = former_key.tenant_id;
  return ends;
end
$$;
--> statement-breakpoint
alter function ebb.rotate_key(uuid, uuid, integer, text) owner to ebb_maint;
--> statement-breakpoint
-- Has the gate of the tenant entered refuse a key or token that was revoked in this transaction or before. Its hash goes
-- from table to outbox: the application's role writes hashes and never reads one.
create or replace function ebb.post_revoked_key(key uuid) returns void
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
     where c.id = post_revoked_key.key and c.tenant_id = ebb.tenant()
       and c.kind in ('api-key', 'personal-access-token') and c.revoked_at is not null;
  if not found then raise exception 'no such key' using errcode = 'EB404'; end if;
end
$$;
