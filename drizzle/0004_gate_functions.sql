-- What gates need of Postgres beside inserting events. New objects only: locks nothing that is in use.

-- The straight way of a ping whose gate cannot be reached: the live credential, the tenant's status and a bound per
-- tenant and minute are checked, and the ping is stored, in this one statement. The token was verified at the edge.
create function ebb.straight_ping(tenant uuid, instance uuid, issued timestamptz, ping_kind text, ping_bucket timestamptz,
    received timestamptz, kind_of_os text, name_of_os text, version_of_os text, expires timestamptz, bound integer)
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
  insert into public.pings
      (tenant_id, instance_id, kind, bucket, received_at, os_kind, os_name, os_version, expires_at)
    values (tenant, instance, ping_kind, ping_bucket, received, kind_of_os, name_of_os, version_of_os, expires)
    on conflict do nothing;
  return case when found then 'recorded' else 'repeated' end;
end
$$;
--> statement-breakpoint
alter function ebb.straight_ping(uuid, uuid, timestamptz, text, timestamptz, timestamptz, text, text, text, timestamptz, integer)
  owner to ebb_maint;
--> statement-breakpoint
-- Called in the statement of a flush: what it counted, and what the gate still holds.
create function ebb.heartbeat(gate text, tenant uuid, still_pending integer, did_record bigint, did_repeat bigint,
    had_expired bigint, were_gone bigint, went_dead bigint)
  returns void
  language sql security definer set search_path = ''
  begin atomic
    insert into public.gate_heartbeats as h
        (gate_id, tenant_id, heard_at, pending, recorded, repeated, expired, gone, dead)
      values (gate, tenant, ebb.clock(), still_pending, did_record, did_repeat, had_expired, were_gone, went_dead)
      on conflict (gate_id) do update set
        heard_at = excluded.heard_at,
        pending = excluded.pending,
        recorded = h.recorded + excluded.recorded,
        repeated = h.repeated + excluded.repeated,
        expired = h.expired + excluded.expired,
        gone = h.gone + excluded.gone,
        dead = h.dead + excluded.dead;
  end;
--> statement-breakpoint
alter function ebb.heartbeat(text, uuid, integer, bigint, bigint, bigint, bigint, bigint) owner to ebb_maint;
--> statement-breakpoint
-- Gates to visit: those that still held something when they last spoke and have been silent since, and once a day, each
-- in its own five minutes, those that have not spoken for a day: one that lost its alarm is found, and one that has gone
-- quiet forgets what has run out. After a week without a word its heartbeat is purged, and it is left in peace.
create function ebb.silent_gates(silent_for interval, at_most integer) returns setof text
  language sql stable security definer set search_path = ''
  begin atomic
    select h.gate_id from public.gate_heartbeats h
     where h.heard_at < ebb.clock() - silent_for
       and (h.pending > 0
         or (h.heard_at < ebb.clock() - interval '1 day'
           and pg_catalog.abs(pg_catalog.hashtext(h.gate_id)::bigint) % 288
             = pg_catalog.floor(extract(epoch from ebb.clock()) / 300)::bigint % 288))
     order by h.pending > 0 desc, h.heard_at
     limit at_most;
  end;
--> statement-breakpoint
alter function ebb.silent_gates(interval, integer) owner to ebb_maint;
--> statement-breakpoint
-- Gates that have not acknowledged everything, but for those named.
create function ebb.outbox_gates(except_for text[], at_most integer) returns setof text
  language sql stable security definer set search_path = ''
  begin atomic
    select distinct o.gate_id from public.outbox o
     where o.delivered_at is null and o.gate_id <> all (except_for)
     limit at_most;
  end;
--> statement-breakpoint
alter function ebb.outbox_gates(text[], integer) owner to ebb_maint;
--> statement-breakpoint
-- What one gate has not acknowledged, oldest first, after the message with this id.
create function ebb.outbox_pending(gate text, after bigint, at_most integer) returns table (id bigint, message jsonb)
  language sql stable security definer set search_path = ''
  begin atomic
    select o.id, o.message from public.outbox o
     where o.delivered_at is null and o.gate_id = gate and o.id > after
     order by o.id
     limit at_most;
  end;
--> statement-breakpoint
alter function ebb.outbox_pending(text, bigint, integer) owner to ebb_maint;
--> statement-breakpoint
create function ebb.outbox_delivered(ids bigint[]) returns void
  language sql security definer set search_path = ''
  begin atomic
    update public.outbox o set delivered_at = ebb.clock() where o.id = any (ids) and o.delivered_at is null;
  end;
--> statement-breakpoint
alter function ebb.outbox_delivered(bigint[]) owner to ebb_maint;
