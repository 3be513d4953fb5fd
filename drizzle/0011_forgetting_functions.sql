-- What decides when a row must go, besides its own expiry: closed accounts, windows of a tenant's own, legal holds; and
-- the purge in batches that count what they did in the transaction in which they did it. Functions and one small table:
-- locks nothing that is in use.

-- Raises unless the functions of ebb_maint see every row of this table: a lost policy would look like "there is none".
create function ebb.assert_sees_all(seen regclass) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if not exists (select from ebb.sentinel) then
    raise exception 'maintenance cannot see the sentinel' using errcode = 'EB500';
  end if;
  if not exists (
    select from pg_catalog.pg_policy p
     where p.polrelid = seen and p.polcmd = 'r' and p.polpermissive and current_user::regrole::oid = any (p.polroles)
       and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true'
  ) or exists (select from pg_catalog.pg_policy p where p.polrelid = seen and not p.polpermissive) then
    raise exception 'maintenance has no policy on this table' using errcode = 'EB500';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_sees_all(regclass) owner to ebb_maint;
--> statement-breakpoint
create or replace function ebb.assert_sighted(parent regclass) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform ebb.assert_sees_all(parent);
  if not exists (select from pg_catalog.pg_class c where c.oid = parent and c.relkind = 'p' and c.relowner = current_user::regrole) then
    raise exception 'not a partitioned table of maintenance' using errcode = 'EB500';
  end if;
end
$$;
--> statement-breakpoint
-- The policies by which the purge finds what it may delete, as Postgres printed them when they were made.
create table ebb.known_policies (table_name text not null, policy text not null, primary key (table_name, policy));
--> statement-breakpoint
alter table ebb.known_policies owner to ebb_maint;
--> statement-breakpoint
revoke all on ebb.known_policies from public;
--> statement-breakpoint
-- Printed alike in every session: an interval is printed as IntervalStyle says.
create function ebb.purge_policies(purged regclass) returns setof text
  language sql stable security definer set search_path = '' set intervalstyle = 'postgres' set datestyle = 'ISO' set timezone = 'UTC'
as $$
    select pg_catalog.concat_ws(' ', p.polname, p.polcmd, p.polpermissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
             pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
      from pg_catalog.pg_policy p
     where p.polrelid = purged
       and (not p.polpermissive or 'ebb_purge'::regrole::oid = any (p.polroles) or 0::oid = any (p.polroles));
$$;
--> statement-breakpoint
alter function ebb.purge_policies(regclass) owner to ebb_maint;
--> statement-breakpoint
-- Called where policies are made: these are the ones to go by.
create function ebb.note_policies() returns void
  language sql security definer set search_path = ''
  begin atomic
    delete from ebb.known_policies;
    insert into ebb.known_policies (table_name, policy)
      select c.oid::regclass::text, policy
        from pg_catalog.pg_class c, ebb.purge_policies(c.oid::regclass) policy
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition;
  end;
--> statement-breakpoint
alter function ebb.note_policies() owner to ebb_maint;
--> statement-breakpoint
-- Raises unless the purge finds rows in this table by the policies that were declared: a lost or narrowed one would
-- otherwise look like "nothing to do".
create or replace function ebb.assert_purge_sees(purged regclass) returns void
  language plpgsql stable security definer set search_path = ''
as $$
declare
  live text[] := array(select policy from ebb.purge_policies(purged) policy order by 1);
  known text[] := array(select k.policy from ebb.known_policies k where k.table_name = purged::text order by 1);
begin
  if cardinality(live) < 2 or live <> known then
    raise exception 'the purge does not see what has expired here' using errcode = 'EB500';
  end if;
end
$$;
--> statement-breakpoint
-- Who is held for a class of data, as keys that a row is compared with: everybody (*), a tenant (t:…), a person or an
-- instance (s:…), or one of these within a tenant (t:…/s:…; a row that knows no tenant looks for */s:…). Null where no
-- hold lies on the class.
create function ebb.holds(class text) returns text[]
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform ebb.assert_sees_all('public.legal_holds');
  return (
    select array_agg(key)
      from public.legal_holds h,
           unnest(case
             when h.tenant_id is null and h.subject_id is null then array['*']
             when h.subject_id is null then array['t:' || h.tenant_id]
             when h.tenant_id is null then array['s:' || h.subject_id, '*/s:' || h.subject_id]
             else array['t:' || h.tenant_id || '/s:' || h.subject_id, '*/s:' || h.subject_id] end) as key
     where coalesce(h.closed_at > ebb.clock(), true)
       and (h.retention_class is null or h.retention_class = class)
  );
end
$$;
--> statement-breakpoint
alter function ebb.holds(text) owner to ebb_maint;
--> statement-breakpoint
-- Tenants whose account was closed more than 30 days ago: everything of theirs goes that law does not keep.
create function ebb.gone_tenants() returns uuid[]
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform ebb.assert_sees_all('public.tenants');
  return coalesce((
    select array_agg(t.id) from public.tenants t
     where t.closed_at is not null and ebb.expiry(t.closed_at, interval '30 days') <= ebb.clock()), '{}');
end
$$;
--> statement-breakpoint
alter function ebb.gone_tenants() owner to ebb_maint;
--> statement-breakpoint
create function ebb.gone_at(tenant uuid) returns timestamptz
  language sql stable security definer set search_path = ''
  return (select ebb.expiry(t.closed_at, interval '30 days') from public.tenants t where t.id = tenant and t.closed_at is not null);
--> statement-breakpoint
alter function ebb.gone_at(uuid) owner to ebb_maint;
--> statement-breakpoint
-- What functions hand out of rows ends with these, too, and not when the purge comes. As before but for that: a message to
-- a gate, a heartbeat and a limit of a tenant whose account is gone or whose subscription is forgotten are told no more.
create or replace function ebb.silent_gates(silent_for interval, at_most integer) returns setof text
  language sql stable security definer set search_path = ''
  begin atomic
    select h.gate_id from public.gate_heartbeats h
     where h.heard_at < ebb.clock() - silent_for
       and h.expires_at > ebb.clock() and h.tenant_id <> all ((select ebb.gone_tenants())::uuid[])
       and (h.pending > 0
         or (h.heard_at < ebb.clock() - interval '1 day'
           and pg_catalog.abs(pg_catalog.hashtext(h.gate_id)::bigint) % 288
             = pg_catalog.floor(extract(epoch from ebb.clock()) / 300)::bigint % 288))
     order by h.pending > 0 desc, h.heard_at
     limit at_most;
  end;
--> statement-breakpoint
create or replace function ebb.outbox_gates(except_for text[], at_most integer) returns setof text
  language sql stable security definer set search_path = ''
  begin atomic
    select distinct o.gate_id from public.outbox o
     where o.delivered_at is null and o.gate_id <> all (except_for) and o.tenant_id <> all ((select ebb.gone_tenants())::uuid[])
     limit at_most;
  end;
--> statement-breakpoint
create or replace function ebb.outbox_pending(gate text, after bigint, at_most integer) returns table (id bigint, message jsonb)
  language sql stable security definer set search_path = ''
  begin atomic
    select o.id, o.message from public.outbox o
     where o.delivered_at is null and o.gate_id = gate and o.id > after and o.tenant_id <> all ((select ebb.gone_tenants())::uuid[])
     order by o.id
     limit at_most;
  end;
--> statement-breakpoint
create or replace function ebb.limit_family(parent uuid)
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
                      where o.tenant_id = t.id and o.removed_at is null and o.expires_at > ebb.clock()), '{}'),
           coalesce((select jsonb_object_agg(a.policy, a.at_most) from public.limit_allotments a
                      where a.client_id = t.id and a.tenant_id = t.parent_id and a.removed_at is null and a.expires_at > ebb.clock()
                        and t.id <> asking), '{}')
      from public.tenants t
     where (t.id = parent or t.parent_id = parent) and t.expires_at > ebb.clock() and t.status <> 'closed';
end
$$;
--> statement-breakpoint
-- The windows that tenants have had for a class, by tenant, each with the instant until which it was in force, and
-- first the schedule's own. What is kept from an instant is kept for the shortest of those in force then and later: a
-- shorter window takes effect at once, a longer one for what is written from then on. Null where no tenant has any.
-- Those of one tenant, or with null of all.
create function ebb.windows_of(class text, owner uuid) returns jsonb
  language plpgsql stable security definer set search_path = ''
as $$
declare
  schedules integer;
begin
  perform ebb.assert_sees_all('public.retention_windows');
  select v.kept into strict schedules from ebb.varying(class) v;
  return (
    select jsonb_object_agg(w.tenant_id::text, w.steps)
      from (
        select r.tenant_id,
               jsonb_agg(jsonb_build_object('until', coalesce(r.superseded_at, 'infinity'), 'kept', r.months))
                 || jsonb_build_object('until', min(r.effective_at), 'kept', schedules) as steps
          from public.retention_windows r
         where r.retention_class = class
           and r.effective_at <= ebb.clock()
           and r.effective_at < coalesce(r.superseded_at, 'infinity')
           and r.expires_at > ebb.clock()
           and (owner is null or r.tenant_id = owner)
         group by r.tenant_id
      ) w
  );
end
$$;
--> statement-breakpoint
alter function ebb.windows_of(text, uuid) owner to ebb_maint;
--> statement-breakpoint
-- The same as the policies ask for them. The application's role learns of no tenant but the one that it has entered.
create function ebb.kept_windows(class text) returns jsonb
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if session_user <> 'ebb_app' then return ebb.windows_of(class, null); end if;
  if ebb.tenant() is null then return null; end if;
  return ebb.windows_of(class, ebb.tenant());
end
$$;
--> statement-breakpoint
alter function ebb.kept_windows(text) owner to ebb_maint;
--> statement-breakpoint
-- When the windows of its tenant's own end what is kept from this instant; null where the tenant has none.
create function ebb.cut_at(windows jsonb, tenant uuid, anchor timestamptz) returns timestamptz
  language sql stable parallel safe
  return (
    select min(ebb.expiry(anchor, pg_catalog.make_interval(months => w.kept)))
      from pg_catalog.jsonb_to_recordset(windows -> tenant::text) as w (until timestamptz, kept integer)
     where w.until > anchor
  );
--> statement-breakpoint
alter function ebb.cut_at(jsonb, uuid, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Nothing of a tenant that is kept from a later instant than this has been cut short: where the purge need not look.
-- Four days of room, as months do not end alike.
create function ebb.cut_before(windows jsonb, tenant uuid) returns timestamptz
  language sql stable set search_path = ''
  return (
    select ((ebb.clock() at time zone 'UTC') - pg_catalog.make_interval(months => min(w.kept), days => -4)) at time zone 'UTC'
      from pg_catalog.jsonb_to_recordset(windows -> tenant::text) as w (kept integer)
  );
--> statement-breakpoint
alter function ebb.cut_before(jsonb, uuid) owner to ebb_maint;
--> statement-breakpoint
-- The same for whoever asks: of the tenant entered, or of all; null where none has a window. Policies ask it before
-- they look at a row's own end.
create function ebb.cut_bound(class text) returns timestamptz
  language plpgsql stable security definer set search_path = ''
as $$
declare
  windows jsonb := ebb.kept_windows(class);
begin
  return (select max(ebb.cut_before(windows, k::uuid)) from jsonb_object_keys(windows) k);
end
$$;
--> statement-breakpoint
alter function ebb.cut_bound(text) owner to ebb_maint;
--> statement-breakpoint
-- Whether an expiry is what the schedule, or a window of the tenant's own, says, and not too short. One that is too long,
-- because the gate had not heard of a shorter window yet, is cut short when it is read and purged.
create function ebb.is_stamp(class text, tenant uuid, anchor timestamptz, expires timestamptz) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
declare
  windows jsonb := ebb.windows_of(class, tenant);
  schedules integer := (select v.kept from ebb.varying(class) v);
begin
  if windows -> tenant::text is null then
    return expires is not distinct from ebb.expiry(anchor, make_interval(months => schedules));
  end if;
  return coalesce(expires >= ebb.cut_at(windows, tenant, anchor) and exists (
    select from jsonb_to_recordset(windows -> tenant::text) as w (kept integer)
     where expires = ebb.expiry(anchor, make_interval(months => w.kept))), false);
end
$$;
--> statement-breakpoint
alter function ebb.is_stamp(text, uuid, timestamptz, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Since when the oldest row of a table has been due: expired, gone with its tenant, cut short or to be anonymised. Null
-- where none is. Runs as the purge, and so counts what the purge may delete; what is held is not overdue.
create function ebb.oldest_due(purged regclass) returns timestamptz
  language plpgsql stable set search_path = ''
as $$
declare
  plan record;
  windows jsonb;
  found_at timestamptz;
  oldest timestamptz;
begin
  select * into strict plan from ebb.purge_plan() p where p.purged = oldest_due.purged::text;
  execute format('select expires_at from %s where expires_at <= (select ebb.clock()) order by expires_at limit 1', purged)
    into oldest;
  if plan.ends_with_tenant then
    execute format('select min(ebb.gone_at(g.owner)) from unnest($1) as g (owner) where exists (select from %s where %I = g.owner)',
      purged, plan.tenant) into found_at using ebb.gone_tenants();
    oldest := least(oldest, found_at);
  end if;
  if plan.varies is not null then
    windows := ebb.kept_windows(plan.varies);
    -- The first of each tenant, and as months do not end alike, the first of each of the four days after it.
    execute format('select min(ebb.cut_at($1, w.owner, later.%1$I))
        from (select k::uuid as owner, ebb.cut_before($1, k::uuid) as bound from jsonb_object_keys($1) k) as w,
             lateral (select %1$I from %2$s where %3$I = w.owner and %1$I <= w.bound and expires_at > (select ebb.clock()) order by %1$I limit 1) as first,
             generate_series(0, 4) as days,
             lateral (select %1$I from %2$s where %3$I = w.owner and %1$I <= w.bound and expires_at > (select ebb.clock())
                         and %1$I >= greatest(first.%1$I, date_trunc(''day'', first.%1$I, ''UTC'') + days * interval ''24 hours'') order by %1$I limit 1) as later',
      plan.anchor, purged, plan.tenant) into found_at using windows;
    oldest := least(oldest, found_at);
  end if;
  if plan.anonymise is not null then
    execute format('select min(ebb.expiry(%I, %L)) from %s where %s', plan.anchor, plan.anonymise_after, purged, plan.anonymise)
      into found_at;
    oldest := least(oldest, found_at);
  end if;
  return oldest;
end
$$;
--> statement-breakpoint
-- Counts in the transaction of a batch what it did.
create function ebb.tally(run uuid, purged text, more_deleted integer, more_anonymised integer, more_blocked integer,
    first_expiry timestamptz, last_expiry timestamptz, dropped jsonb)
  returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  update public.purge_progress p
     set deleted = p.deleted + more_deleted,
         anonymised = p.anonymised + more_anonymised,
         blocked = p.blocked + more_blocked,
         earliest = least(p.earliest, first_expiry),
         latest = greatest(p.latest, last_expiry),
         partitions = p.partitions || coalesce(dropped, '[]')
   where p.run_id = run and p.table_name = purged;
  if not found then raise exception 'this run has not begun here' using errcode = 'EB500'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.tally(uuid, text, integer, integer, integer, timestamptz, timestamptz, jsonb) owner to ebb_maint;
--> statement-breakpoint
create function ebb.start_progress(run uuid, purged text, overdue_ms bigint) returns void
  language sql security definer set search_path = ''
  begin atomic
    insert into public.purge_progress
        (run_id, table_name, started_at, overdue_ms, deleted, anonymised, blocked, partitions)
      values (run, purged, ebb.clock(), overdue_ms, 0, 0, 0, '[]')
      -- Each turn of a run begins with the first row again, and so meets again those that must stay.
      on conflict (run_id, table_name) do update set blocked = 0;
  end;
--> statement-breakpoint
alter function ebb.start_progress(uuid, text, bigint) owner to ebb_maint;
--> statement-breakpoint
-- Begins a run on a table, or goes on with it, and returns where to look for what must go: among what has expired, in
-- closed accounts, in what a tenant's own window cut short, and among what is to be anonymised.
create function ebb.begin_purge(run uuid, purged regclass) returns table (which text, tenant uuid)
  language plpgsql set search_path = ''
as $$
declare
  plan record;
  windows jsonb;
begin
  perform ebb.assert_purge_sees(purged);
  select * into strict plan from ebb.purge_plan() p where p.purged = begin_purge.purged::text;
  perform ebb.start_progress(run, purged::text,
    coalesce(floor(extract(epoch from ebb.clock() - ebb.oldest_due(purged)) * 1000), 0)::bigint);
  -- Where nothing is found, held or not there, no statement of the run is spent.
  return query execute format('select ''expired'', null::uuid where exists (select from %s where expires_at <= (select ebb.clock()))', purged);
  if plan.ends_with_tenant then
    return query execute format('select ''gone'', g.owner from unnest($1) as g (owner) where exists (select from %s where %I = g.owner)',
      purged, plan.tenant) using ebb.gone_tenants();
  end if;
  if plan.varies is not null then
    windows := ebb.kept_windows(plan.varies);
    return query execute format('select ''cut'', w.owner
        from (select k::uuid as owner, ebb.cut_before($1, k::uuid) as bound from jsonb_object_keys($1) k) as w
       where exists (select from %2$s where %3$I = w.owner and %1$I <= w.bound and expires_at > (select ebb.clock()))',
      plan.anchor, purged, plan.tenant) using windows;
  end if;
  if plan.anonymise is not null then
    return query execute format('select ''anonymise'', null::uuid where exists (select from %s where %s)', purged, plan.anonymise);
  end if;
end
$$;
--> statement-breakpoint
-- From here to the end of the transaction no hold is placed: who places one waits. Each statement of its own must then
-- see what was committed before it, so a snapshot that is older than the lock will not do.
create function ebb.exclude_holds() returns void
  language plpgsql set search_path = ''
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'a purge reads what is committed' using errcode = 'EB500';
  end if;
  perform pg_advisory_xact_lock_shared(hashtext('ebb.holds'), 0);
end
$$;
--> statement-breakpoint
alter function ebb.exclude_holds() owner to ebb_maint;
--> statement-breakpoint
-- Deletes (or anonymises) at most `size` rows behind `after`, in the order of expiry and key, and returns the last that
-- it looked at; no row where nothing is left. Runs as the purge: its policies choose the rows, whatever is asked here.
-- Where another row refers to one of them each is tried by itself, and those are counted that must stay; of more than 64
-- nothing is done then and `done` is null: to be asked again for fewer.
-- The lock comes first, and each statement after it sees what was committed before it: a hold that is placed waits for
-- this batch, and the next batch sees it.
create function ebb.purge_batch(run uuid, purged regclass, which text, of_tenant uuid, after text[], size integer)
  returns table (done integer, blocked integer, last_key text[], took_ms double precision)
  language plpgsql set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' set lock_timeout = '50ms'
as $$
declare
  began timestamptz := clock_timestamp();
  plan record;
  page_key text[];
  columns text;
  scope text;
  behind text := '';
  reached text[];
  looked_at integer;
  one record;
  expiry timestamptz;
  first_expiry timestamptz;
  last_expiry timestamptz;
begin
  perform ebb.exclude_holds();
  select * into strict plan from ebb.purge_plan() p where p.purged = purge_batch.purged::text;
  page_key := case when which in ('gone', 'cut') then plan.tenant_key else plan.page_key end;
  select string_agg(quote_ident(c), ', ' order by i) into columns from unnest(page_key) with ordinality as k (c, i);
  scope := case which
    when 'expired' then 'expires_at <= (select ebb.clock())'
    when 'gone' then format('%I = %L', plan.tenant, of_tenant)
    when 'cut' then format('%I = %L and %I <= (select ebb.cut_before(ebb.kept_windows(%L), %L))', plan.tenant, of_tenant, plan.anchor, plan.varies, of_tenant)
    when 'anonymise' then plan.anonymise end;
  if scope is null then raise exception 'nothing of this kind is purged here' using errcode = 'EB500'; end if;
  if after is not null then
    behind := format(' and (%s) > (%s)', columns, (select string_agg(quote_literal(v), ', ' order by i) from unnest(after) with ordinality as a (v, i)));
  end if;
  execute format('select array[%s], n from (select %s, row_number() over (order by %s) as n from (select %s from %s where %s%s order by %s limit %s) as batch) as numbered order by n desc limit 1',
      (select string_agg(quote_ident(c) || '::text', ', ' order by i) from unnest(page_key) with ordinality as k (c, i)),
      columns, columns, columns, purged, scope, behind, columns, size)
    into reached, looked_at;
  if reached is null then return; end if;
  behind := behind || format(' and (%s) <= (%s)', columns, (select string_agg(quote_literal(v), ', ' order by i) from unnest(reached) with ordinality as a (v, i)));
  begin
    execute case which
      when 'anonymise' then format('with done as (update %s set anonymised_at = (select ebb.clock()) where %s%s returning expires_at) select count(*), min(expires_at) filter (where isfinite(expires_at)), max(expires_at) filter (where isfinite(expires_at)) from done', purged, scope, behind)
      else format('with done as (delete from %s where %s%s returning expires_at) select count(*), min(expires_at) filter (where isfinite(expires_at)), max(expires_at) filter (where isfinite(expires_at)) from done', purged, scope, behind)
      end into done, first_expiry, last_expiry;
    blocked := 0;
  exception when foreign_key_violation then
    done := null;
    blocked := 0;
  end;
  if done is null and looked_at <= 64 then
    done := 0;
    for one in execute format('select format(%L, %s) as row from %s where %s%s order by %s',
        '(' || array_to_string(array_fill('%L'::text, array[cardinality(page_key)]), ', ') || ')', columns, purged, scope, behind, columns)
    loop
      begin
        execute format('delete from %s where %s and (%s) = %s returning expires_at', purged, scope, columns, one.row) into expiry;
        if expiry is null then continue; end if;
        done := done + 1;
        if isfinite(expiry) then
          first_expiry := least(first_expiry, expiry);
          last_expiry := greatest(last_expiry, expiry);
        end if;
      exception when foreign_key_violation then
        blocked := blocked + 1;
      end;
    end loop;
  end if;
  if done is not null then
    perform ebb.tally(run, purged::text, case which when 'anonymise' then 0 else done end,
      case which when 'anonymise' then done else 0 end, blocked, first_expiry, last_expiry, null);
  end if;
  last_key := reached;
  took_ms := extract(epoch from clock_timestamp() - began) * 1000;
  return next;
end
$$;
--> statement-breakpoint
drop function ebb.drop_expired_partition(regclass);
--> statement-breakpoint
-- Drops the oldest partition of `parent` in which nothing can be left that has not expired by the database's clock (its
-- upper bound is exclusive, and time comes in microseconds) and on none of whose rows a hold lies, after counting its
-- rows; returns no row when there is none. One a call: its lock on the parent is held as shortly as can be, and a lock
-- that does not come within 50 ms gives up (55P03), for the caller to try again. Looks only behind `after`, the upper
-- bound of the last: what is held is counted once a run.
create function ebb.drop_expired_partition(run uuid, parent regclass, after timestamptz default '-infinity')
  returns table (partition text, rows bigint, upper_bound timestamptz)
  language plpgsql security definer set search_path = '' set timezone = 'UTC' set lock_timeout = '50ms'
as $$
declare
  plan record;
  old record;
  counted record;
begin
  perform ebb.assert_sighted(parent);
  select * into strict plan from ebb.purge_plan() p where p.purged = parent::text;
  -- A hold is placed before or after, and never meanwhile.
  perform ebb.exclude_holds();
  -- Who makes or drops partitions does so alone: of two runs, neither finds that the other was faster.
  perform pg_advisory_xact_lock(hashtext('ebb.partitions'), parent::oid::int);
  for old in
    select p.partition::text as name, p.lower_bound, p.upper_bound
      from ebb.partitions(parent) p
     where p.upper_bound - interval '1 microsecond' <= ebb.clock() and p.upper_bound > after
     order by p.upper_bound
  loop
    -- Another run that deletes rows here has done so, or does so later: nothing is counted twice. Who reads, reads on.
    execute format('lock table %s in share row exclusive mode', old.name);
    execute format('select count(*) as rows, count(*) filter (where %s) as held, min(expires_at) as first_expiry, max(expires_at) as last_expiry from %s where expires_at >= %L and expires_at < %L',
      coalesce(plan.held, 'false'), parent, old.lower_bound, old.upper_bound) into counted;
    continue when counted.held > 0;
    execute format('drop table %s', old.name);
    perform ebb.tally(run, parent::text, counted.rows::integer, 0, 0, counted.first_expiry, counted.last_expiry,
      jsonb_build_array(jsonb_build_object('name', old.name, 'from', old.lower_bound, 'to', old.upper_bound, 'rows', counted.rows)));
    return query select old.name, counted.rows, old.upper_bound;
    return;
  end loop;
end
$$;
--> statement-breakpoint
alter function ebb.drop_expired_partition(uuid, regclass, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- What a run has done to a table, for its receipt; no row once that is written.
create function ebb.progress_of(run uuid, purged text)
  returns table (started_at timestamptz, overdue_ms bigint, deleted bigint, anonymised bigint, blocked bigint,
                 partitions jsonb, earliest timestamptz, latest timestamptz, seen_at timestamptz)
  language sql stable security definer set search_path = ''
  begin atomic
    select p.started_at, p.overdue_ms, p.deleted, p.anonymised, p.blocked, p.partitions, p.earliest, p.latest, ebb.clock()
      from public.purge_progress p
     where p.run_id = run and p.table_name = purged;
  end;
--> statement-breakpoint
alter function ebb.progress_of(uuid, text) owner to ebb_maint;
--> statement-breakpoint
-- Runs that began longer than half an hour ago and wrote no receipt: they died. No run takes that long.
create function ebb.abandoned_purges() returns table (run_id uuid, table_name text)
  language sql stable security definer set search_path = ''
  begin atomic
    select p.run_id, p.table_name from public.purge_progress p
     where p.started_at < ebb.clock() - interval '30 minutes'
     order by p.started_at, p.run_id, p.table_name;
  end;
--> statement-breakpoint
alter function ebb.abandoned_purges() owner to ebb_maint;
--> statement-breakpoint
-- Puts a receipt in the place of a run's progress on a table; false when that is gone, so that nothing is told twice.
-- `begun` is false for a table that could not even be begun: then there is no progress.
create function ebb.record_receipt(id uuid, run uuid, purged text, receipt text, begun boolean) returns boolean
  language plpgsql security definer set search_path = ''
as $$
declare
  overdue bigint;
begin
  if not exists (select from ebb.purge_plan() p where p.purged = record_receipt.purged)
     or (record_receipt.receipt::jsonb ->> 'run')::uuid is distinct from run
     or 'public.' || (record_receipt.receipt::jsonb ->> 'table') is distinct from purged then
    raise exception 'not the receipt of this run and table' using errcode = 'EB500';
  end if;
  delete from public.purge_progress p where p.run_id = run and p.table_name = purged returning p.overdue_ms into overdue;
  -- Of one that was begun without the caller's hearing of it, too, a later run must not tell again.
  if not found then
    if begun or exists (select from public.purge_receipts r where r.run_id = run and r.table_name = purged) then
      return false;
    end if;
  end if;
  insert into public.purge_receipts (id, run_id, table_name, recorded_at, receipt, overdue_ms, expires_at)
    values (record_receipt.id, run, purged, ebb.clock(), record_receipt.receipt, overdue,
      ebb.purge_receipts_expiry(ebb.clock()));
  return true;
end
$$;
--> statement-breakpoint
alter function ebb.record_receipt(uuid, uuid, text, text, boolean) owner to ebb_maint;
--> statement-breakpoint
-- Places a legal hold; for the platform owner alone. Its lock waits for the batch or the drop that is running, and keeps
-- every other away until this transaction has ended. One on a class that knows no holds would keep nothing: refused.
create function ebb.place_hold(id uuid, tenant uuid, subject uuid, class text, reason text, review_at timestamptz,
    subject_kind text default null)
  returns void
  language plpgsql security definer set search_path = '' set lock_timeout = '20s'
as $$
declare
  author uuid;
begin
  select c.actor_id into author
    from ebb.context() c join public.tenants own on own.id = c.actor_tenant
   where own.kind = 'platform';
  if not found then raise exception 'not the platform owner' using errcode = 'EB405'; end if;
  if class is not null and not exists (select from ebb.purge_plan() p where p.held like '%' || format('ebb.holds(%L)', class) || '%') then
    raise exception 'nothing of this class can be held' using errcode = '22023';
  end if;
  perform pg_advisory_xact_lock(hashtext('ebb.holds'), 0);
  insert into public.legal_holds
      (id, tenant_id, subject_id, subject_kind, retention_class, reason, placed_by, placed_at, review_at)
    values (place_hold.id, tenant, subject, place_hold.subject_kind, class, place_hold.reason, author, ebb.clock(),
      place_hold.review_at);
end
$$;
--> statement-breakpoint
alter function ebb.place_hold(uuid, uuid, uuid, text, text, timestamptz, text) owner to ebb_maint;
--> statement-breakpoint
-- Releases a hold: what it kept is purged by the next run. EB404 where there is none that is still in place.
create function ebb.release_hold(id uuid, outcome text) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  if not exists (select from ebb.context() c join public.tenants own on own.id = c.actor_tenant where own.kind = 'platform') then
    raise exception 'not the platform owner' using errcode = 'EB405';
  end if;
  update public.legal_holds h set closed_at = ebb.clock(), outcome = release_hold.outcome
   where h.id = release_hold.id and h.closed_at is null;
  if not found then raise exception 'no such hold' using errcode = 'EB404'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.release_hold(uuid, text) owner to ebb_maint;
--> statement-breakpoint
-- Holds for the platform owner, newest first, from before the one with this id.
create function ebb.list_holds(before uuid, at_most integer)
  returns table (id uuid, tenant_id uuid, subject_id uuid, subject_kind text, retention_class text, reason text,
                 placed_by uuid, placed_at timestamptz, review_at timestamptz, closed_at timestamptz, outcome text)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if not exists (select from ebb.context() c join public.tenants own on own.id = c.actor_tenant where own.kind = 'platform') then
    raise exception 'not the platform owner' using errcode = 'EB405';
  end if;
  return query
    select h.id, h.tenant_id, h.subject_id, h.subject_kind, h.retention_class, h.reason, h.placed_by, h.placed_at,
           h.review_at, h.closed_at, h.outcome
      from public.legal_holds h
     where h.expires_at > ebb.clock() and (before is null or h.id < before)
     order by h.id desc
     limit at_most;
end
$$;
--> statement-breakpoint
alter function ebb.list_holds(uuid, integer) owner to ebb_maint;
--> statement-breakpoint
-- Sets the entered tenant's own window for a class, in months, within the bounds that are declared, and returns from when
-- on it holds: at once when it is no longer than the one in force, else in 30 days, so that people can be told first. For
-- the platform owner alone, and tenants of the enterprise plan. Setting the schedule's own takes an agreement back.
create function ebb.set_window(id uuid, class text, months integer) returns timestamptz
  language plpgsql security definer set search_path = ''
as $$
declare
  entered uuid;
  bounds record;
  current_months integer;
  effective timestamptz := ebb.clock();
begin
  select c.target into entered
    from ebb.context() c join public.tenants own on own.id = c.actor_tenant
   where own.kind = 'platform';
  if not found then raise exception 'not the platform owner' using errcode = 'EB405'; end if;
  select * into bounds from ebb.varying(class) v;
  if not found then raise exception 'nobody may vary this window' using errcode = 'EB406'; end if;
  if months not between bounds.shortest and bounds.longest or months is null then
    raise exception 'a window out of bounds' using errcode = '22003';
  end if;
  -- Of two at once the second finds what the first has set.
  perform from public.tenants t where t.id = entered for no key update;
  if months <> bounds.kept and not exists (
    select from public.subscriptions s
     where s.tenant_id = entered and s.status = 'active' and s.plan = 'enterprise' and s.expires_at > ebb.clock()
  ) then
    raise exception 'not on the enterprise plan' using errcode = 'EB407';
  end if;
  current_months := coalesce((
    select r.months from public.retention_windows r
     where r.tenant_id = entered and r.retention_class = class and r.effective_at <= ebb.clock()
       and coalesce(r.superseded_at > ebb.clock(), true)
     order by r.effective_at desc, r.id desc limit 1), bounds.kept);
  if months > current_months then effective := ebb.expiry(ebb.clock(), interval '30 days'); end if;
  -- One that was to come does not come: it ends as it begins.
  update public.retention_windows r set superseded_at = effective
   where r.tenant_id = entered and r.retention_class = class and r.effective_at <= ebb.clock()
     and coalesce(r.superseded_at > ebb.clock(), true);
  update public.retention_windows r set superseded_at = r.effective_at
   where r.tenant_id = entered and r.retention_class = class and r.effective_at > ebb.clock();
  insert into public.retention_windows (id, tenant_id, retention_class, months, set_at, effective_at)
    values (set_window.id, entered, class, set_window.months, ebb.clock(), effective);
  return effective;
end
$$;
--> statement-breakpoint
alter function ebb.set_window(uuid, text, integer) owner to ebb_maint;
--> statement-breakpoint
-- Closes the account of the tenant entered and of those below it, or with `closing` false takes that back. For 30 days
-- everything is there still and nobody can enter but from above; then it goes.
create function ebb.close_tenant(closing boolean) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  entered record;
  changed integer;
begin
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
alter function ebb.close_tenant(boolean) owner to ebb_maint;
--> statement-breakpoint
-- Tenants whose time has come and whose gates still hold what they knew.
create function ebb.gates_to_empty(at_most integer) returns table (tenant uuid, gate_id text)
  language sql volatile security definer set search_path = ''
  begin atomic
    select t.id, t.gate_id from public.tenants t
     where t.expires_at <= ebb.clock() and t.gate_emptied_at is null
     -- One that does not answer keeps none back behind it.
     order by pg_catalog.random()
     limit at_most;
  end;
--> statement-breakpoint
alter function ebb.gates_to_empty(integer) owner to ebb_maint;
--> statement-breakpoint
create function ebb.gate_emptied(tenant uuid) returns void
  language sql security definer set search_path = ''
  begin atomic
    update public.tenants t set gate_emptied_at = ebb.clock()
     where t.id = tenant and t.expires_at <= ebb.clock() and t.gate_emptied_at is null;
  end;
--> statement-breakpoint
alter function ebb.gate_emptied(uuid) owner to ebb_maint;
--> statement-breakpoint
-- As before, but for a tenant that is gone: what its gate still has to say brings nothing back.
create or replace function ebb.heartbeat(gate text, tenant uuid, still_pending integer, did_record bigint, did_repeat bigint,
    had_expired bigint, were_gone bigint, went_dead bigint)
  returns void
  language sql security definer set search_path = ''
  begin atomic
    insert into public.gate_heartbeats as h
        (gate_id, tenant_id, heard_at, pending, recorded, repeated, expired, gone, dead)
      select gate, t.id, ebb.clock(), still_pending, did_record, did_repeat, had_expired, were_gone, went_dead
        from public.tenants t
       where t.id = tenant and t.expires_at > ebb.clock()
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
-- What is kept of the tenant entered, and of everybody where the platform owner has entered itself: per table how much
-- expires or is anonymised within the next 24 hours, what is overdue and since when, and until when anything is kept.
-- Who asks and for whom comes from the context alone. A tenant is told of its own rows, and never whether a legal hold
-- lies on them.
--
-- Bounded, whatever there is: no more than `most` rows of a kind are counted, and no more than `looks` looked at to find
-- them; where that was not enough, `more` is true. `kept_until` is null where nothing is kept, and never too early: of a
-- tenant that has nothing among the `most` rows that expire last, it is when the first of those does.
create function ebb.retention_status()
  returns table (everybody boolean, purged text, expiring integer, expiring_more boolean, anonymising integer,
                 anonymising_more boolean, overdue integer, overdue_more boolean, overdue_since timestamptz, held integer,
                 kept_until timestamptz)
  language plpgsql stable security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO'
as $$
declare
  most constant integer := 10000;
  looks constant integer := 100000;
  now_ constant timestamptz := ebb.clock();
  soon constant timestamptz := now_ + interval '24 hours';
  tallied constant text := 'select count(*) filter (where mine and not held) as rows, count(*) filter (where mine and held) as held, min(due_at) filter (where mine and not held) as since, count(*) >= %2$s as more from (%1$s limit %2$s) as looked';
  totalled constant text := 'select coalesce(sum(rows), 0) as rows, coalesce(sum(held), 0) as held, min(since) as since, coalesce(bool_or(more), false) as more from (%s) as tallied';
  entered uuid;
  for_owner boolean;
  gone uuid[];
  going uuid[];
  plan record;
  counted record;
  by_expiry boolean;
  mine text;
  inside text;
  staying text;
  held_ text;
  windows jsonb;
  owners uuid[];
  cut text;
  steps integer[];
  pieces text[];
begin
  perform ebb.assert_sees_all('public.tenants');
  select c.target, own.kind = 'platform', t.kind = 'platform' into entered, for_owner, everybody
    from ebb.context() c join public.tenants own on own.id = c.actor_tenant join public.tenants t on t.id = c.target;
  if not found then raise exception 'no tenant entered' using errcode = 'EB404'; end if;
  -- Accounts whose 30 days after the closing are over, and those of which they will be within 24 hours.
  select coalesce(array_agg(t.id) filter (where ebb.gone_at(t.id) <= now_), '{}'),
         coalesce(array_agg(t.id) filter (where ebb.gone_at(t.id) > now_ and ebb.gone_at(t.id) <= soon), '{}')
    into gone, going
    from public.tenants t
   where t.closed_at is not null and (everybody or t.id = entered);
  for plan in select p.* from ebb.purge_plan() p loop
    continue when not everybody and plan.tenant is null;
    continue when not for_owner and plan.purged = 'public.legal_holds';
    perform ebb.assert_sees_all(plan.purged::regclass);
    purged := plan.purged;
    by_expiry := exists (
      select from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
       where i.indrelid = purged::regclass and a.attname = 'expires_at');
    mine := case when everybody then 'true' else format('%I = %L', plan.tenant, entered) end;
    -- Where a key or an index finds a tenant's rows they alone are looked at, else those of others between them too.
    inside := case when everybody or plan.tenant = any (plan.page_key) then mine else 'true' end;
    staying := case when plan.ends_with_tenant then format('%I <> all (%L::uuid[])', plan.tenant, gone || going) else 'true' end;
    held_ := format('(%s) is true', coalesce(plan.held, 'false'));
    windows := null;
    cut := 'null::timestamptz';
    if plan.varies is not null then windows := ebb.windows_of(plan.varies, case when not everybody then entered end); end if;
    if windows is not null then
      owners := array(select k::uuid from jsonb_object_keys(windows) k);
      steps := array(select distinct k.kept from jsonb_each(windows) w, jsonb_to_recordset(w.value) as k (kept integer));
      cut := format('ebb.cut_at(%L::jsonb, %I, %I)', windows, plan.tenant, plan.anchor);
    end if;

    -- What goes within 24 hours: by its own expiry, with its tenant, or cut short by its tenant's window.
    pieces := array[format(tallied, format('select (%s) and %s and coalesce(%s > %L, true) as mine, false as held, expires_at as due_at from %s where expires_at > %L and expires_at <= %L and %s',
      mine, staying, cut, now_, purged, now_, soon, inside), case inside when mine then most + 1 else looks end)];
    if plan.ends_with_tenant and cardinality(going) > 0 then
      pieces := pieces || format(tallied, format('select true as mine, false as held, expires_at as due_at from %s where %I = any (%L::uuid[]) and expires_at > %L',
        purged, plan.tenant, going, now_), most + 1);
    end if;
    if windows is not null then
      pieces := pieces || format(tallied, format('select true as mine, false as held, expires_at as due_at from %s where %I = any (%L::uuid[]) and (%s) and expires_at > %L and %s > %L and %s <= %L and %s',
        purged, plan.tenant, owners,
        -- Months do not end alike: four days of room on either side.
        (select string_agg(format('%I > %L and %I <= %L',
            plan.anchor, ((now_ at time zone 'UTC') - make_interval(months => m, days => 4)) at time zone 'UTC',
            plan.anchor, ((soon at time zone 'UTC') - make_interval(months => m, days => -4)) at time zone 'UTC'), ' or ') from unnest(steps) m),
        soon, cut, now_, cut, soon, staying), most + 1);
    end if;
    execute format(totalled, array_to_string(pieces, ' union all ')) into counted;
    expiring := least(counted.rows, most);
    expiring_more := counted.more or counted.rows > most;

    anonymising := 0;
    anonymising_more := false;
    if plan.anonymise is not null then
      -- Where the purge would look a day from now.
      execute format(tallied, format('select true as mine, false as held, expires_at as due_at from %s where %s and ebb.expiry(%I, %L) > %L and ebb.expiry(%I, %L) <= %L and %s',
          purged, replace(plan.anonymise, '(select ebb.clock())', quote_literal(soon)), plan.anchor, plan.anonymise_after, now_,
          plan.anchor, plan.anonymise_after, soon, mine), most + 1)
        into counted;
      anonymising := least(counted.rows, most);
      anonymising_more := counted.more;
    end if;

    -- What should have gone, by the same three ends, or been anonymised; and what of it a hold keeps.
    pieces := array[format(tallied, format('select %s as mine, %s as held, expires_at as due_at from %s where expires_at <= %L and %s%s',
      mine, held_, purged, now_, inside, case when by_expiry then ' order by expires_at' else '' end), looks)];
    if plan.ends_with_tenant and cardinality(gone) > 0 then
      pieces := pieces || format(tallied, format('select true as mine, %s as held, gone.at as due_at from %s as r join (select id as gone_id, ebb.gone_at(id) as at from unnest(%L::uuid[]) as id) as gone on gone.gone_id = r.%I where r.expires_at > %L',
        held_, purged, gone, plan.tenant, now_), most + 1);
    end if;
    if windows is not null then
      pieces := pieces || format(tallied, format('select true as mine, %s as held, %s as due_at from %s where %I = any (%L::uuid[]) and %I <= %L and expires_at > %L and %s <= %L and %s',
        held_, cut, purged, plan.tenant, owners, plan.anchor,
        ((now_ at time zone 'UTC') - make_interval(months => (select min(m) from unnest(steps) m), days => -4)) at time zone 'UTC',
        now_, cut, now_, staying), most + 1);
    end if;
    if plan.anonymise is not null then
      pieces := pieces || format(tallied, format('select %s as mine, %s as held, ebb.expiry(%I, %L) as due_at from %s where %s and ebb.expiry(%I, %L) <= %L and expires_at > %L',
        mine, held_, plan.anchor, plan.anonymise_after, purged, plan.anonymise, plan.anchor, plan.anonymise_after, now_, now_), most + 1);
    end if;
    execute format(totalled, array_to_string(pieces, ' union all ')) into counted;
    overdue := least(counted.rows, most);
    -- That there was more to look at than is counted would tell of a hold.
    overdue_more := counted.rows > most or (for_owner and counted.more);
    overdue_since := counted.since;
    held := case when for_owner then least(counted.held, most) end;

    if not by_expiry then
      -- One partition a day: the last that holds any.
      execute format('select r.expires_at from (select * from ebb.partitions(%L) where upper_bound > %L order by upper_bound desc) as p, lateral (select expires_at from %s where expires_at >= p.lower_bound and expires_at < p.upper_bound and expires_at > %L and %s limit 1) as r order by p.upper_bound desc limit 1',
        purged, now_, purged, now_, mine) into kept_until;
    elsif everybody then
      execute format('select expires_at from %s where expires_at > %L order by expires_at desc limit 1', purged, now_) into kept_until;
    else
      execute format('select case when exists (select from %s where %s and expires_at = ''infinity'') then timestamptz ''infinity'' else (select coalesce(max(least(expires_at, %s)) filter (where %s), case count(*) when %s then min(expires_at) end) from (select * from %s where expires_at > %L and expires_at < ''infinity'' order by expires_at desc limit %s) as last) end',
        purged, mine, cut, mine, most, purged, now_, most) into kept_until;
    end if;
    if plan.ends_with_tenant and not everybody and kept_until is not null then
      kept_until := least(kept_until, ebb.gone_at(entered));
    end if;
    return next;
  end loop;
end
$$;
--> statement-breakpoint
alter function ebb.retention_status() owner to ebb_maint;
