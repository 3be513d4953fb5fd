-- Partitions: made ahead of need, dropped when their time has passed. No default partition: a row without a home is an
-- error, not a row that nothing forgets. New objects only: locks nothing that is in use.

-- A row that every maintenance function must see before it believes what it counts: a superuser or a BYPASSRLS role
-- sees everything, a role whose policy was lost sees nothing and would report "nothing to do".
create table ebb.sentinel (sighted boolean primary key check (sighted));
--> statement-breakpoint
insert into ebb.sentinel values (true);
--> statement-breakpoint
alter table ebb.sentinel owner to ebb_maint;
--> statement-breakpoint
alter table ebb.sentinel enable row level security;
--> statement-breakpoint
alter table ebb.sentinel force row level security;
--> statement-breakpoint
create policy sentinel_ebb_maint on ebb.sentinel for select to ebb_maint using (true);
--> statement-breakpoint
create function ebb.assert_sighted(parent regclass) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if not exists (select from ebb.sentinel) then
    raise exception 'maintenance cannot see the sentinel' using errcode = 'EB500';
  end if;
  if not exists (
    select from pg_catalog.pg_policy p
     where p.polrelid = parent and p.polcmd = 'r' and current_user::regrole::oid = any (p.polroles)
       and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true'
  ) then
    raise exception 'maintenance has no policy on this table' using errcode = 'EB500';
  end if;
  if not exists (select from pg_catalog.pg_class c where c.oid = parent and c.relkind = 'p' and c.relowner = current_user::regrole) then
    raise exception 'not a partitioned table of maintenance' using errcode = 'EB500';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_sighted(regclass) owner to ebb_maint;
--> statement-breakpoint
-- The partitions of a table with their bounds.
create function ebb.partitions(parent regclass)
  returns table (partition regclass, lower_bound timestamptz, upper_bound timestamptz)
  language sql stable security definer set search_path = ''
  begin atomic
    select c.oid::regclass,
           (pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
           (pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz
      from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
     where i.inhparent = parent
     order by 2;
  end;
--> statement-breakpoint
alter function ebb.partitions(regclass) owner to ebb_maint;
--> statement-breakpoint
-- Makes the partitions of `parent` that are missing for what expires between two instants, one a `unit` (day, month or
-- quarter), and returns the names of the new ones. A partition has policies of its own (none: everything denied) and no grants.
-- One of a day holds what expires in the 24 hours up to and with that day's first instant: what is kept by the day all
-- expires at a midnight, and so goes at that midnight, not a day after.
create function ebb.create_partitions(parent regclass, unit text, since timestamptz, until timestamptz)
  returns setof text
  language plpgsql security definer set search_path = '' set timezone = 'UTC' set lock_timeout = '2s'
as $$
declare
  step interval := case unit when 'day' then interval '1 day' when 'month' then interval '1 month'
                             when 'quarter' then interval '3 months' end;
  shift interval := case unit when 'day' then interval '1 microsecond' - interval '1 day' else interval '0' end;
  low timestamptz := date_trunc(unit, since, 'UTC');
  parent_name text := (select c.relname from pg_catalog.pg_class c where c.oid = parent);
  child_name text;
begin
  perform ebb.assert_sighted(parent);
  if step is null or until - since > interval '11 years' then
    raise exception 'not a partition plan' using errcode = 'EB500';
  end if;
  perform pg_advisory_xact_lock(hashtext('ebb.partitions'), parent::oid::int);
  if low + step + shift <= since then low := low + step; end if;
  while low + shift <= until loop
    child_name := parent_name || to_char(low, case unit when 'quarter' then '_YYYY"q"Q' when 'month' then '_YYYY_MM' else '_YYYY_MM_DD' end);
    if not exists (select from ebb.partitions(parent) p where p.lower_bound = low + shift) then
      execute format('create table public.%I (like %s including all)', child_name, parent);
      execute format('alter table public.%I enable row level security, force row level security', child_name);
      execute format('alter table %s attach partition public.%I for values from (%L) to (%L)',
        parent, child_name, low + shift, low + step + shift);
      return next child_name;
    end if;
    low := low + step;
  end loop;
end
$$;
--> statement-breakpoint
alter function ebb.create_partitions(regclass, text, timestamptz, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Drops the oldest partition of `parent` in which nothing can be left that has not expired by the database's clock (its
-- upper bound is exclusive, and time comes in microseconds), after counting its rows; returns no row when there is none.
-- One a call: its lock on the parent is held as shortly as can be, and a lock that does not come within 50 ms gives up
-- (55P03), for the caller to try again.
create function ebb.drop_expired_partition(parent regclass) returns table (partition text, rows bigint)
  language plpgsql security definer set search_path = '' set timezone = 'UTC' set lock_timeout = '50ms'
as $$
declare
  old record;
  counted bigint;
begin
  perform ebb.assert_sighted(parent);
  -- Who makes or drops partitions does so alone: of two runs, neither finds that the other was faster.
  perform pg_advisory_xact_lock(hashtext('ebb.partitions'), parent::oid::int);
  select p.partition::text as name, p.lower_bound, p.upper_bound into old
    from ebb.partitions(parent) p
   where p.upper_bound - interval '1 microsecond' <= ebb.clock()
   order by p.upper_bound
   limit 1;
  if not found then return; end if;
  execute format('select count(*) from %s where expires_at >= %L and expires_at < %L', parent, old.lower_bound, old.upper_bound)
    into counted;
  execute format('drop table %s', old.name);
  return query select old.name, counted;
end
$$;
--> statement-breakpoint
alter function ebb.drop_expired_partition(regclass) owner to ebb_maint;
--> statement-breakpoint
-- Raises unless the purge may find and delete what has expired in this table: a lost or narrowed policy would otherwise
-- look like "nothing to do".
create function ebb.assert_purge_sees(purged regclass) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if (
    select count(distinct p.polcmd) from pg_catalog.pg_policy p
     where p.polrelid = purged and p.polcmd in ('r', 'd') and p.polpermissive
       and 'ebb_purge'::regrole::oid = any (p.polroles)
       and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = '(expires_at <= ( SELECT ebb.clock() AS clock))'
  ) <> 2 or exists (select from pg_catalog.pg_policy p where p.polrelid = purged and not p.polpermissive) then
    raise exception 'the purge does not see what has expired here' using errcode = 'EB500';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_purge_sees(regclass) owner to ebb_maint;
