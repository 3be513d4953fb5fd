-- Roles, the schema for what is not data, and the two functions on which every promise about time rests.
-- Locks nothing. Roles belong to the cluster: they are made only where they are missing, without a password; the step
-- that deploys (or starts a local database) gives the login roles theirs.
do $$
declare
  role record;
begin
  for role in
    select * from (values
      ('ebb_app',    true,  'serves the account routes'),
      ('ebb_ingest', true,  'inserts events for the gates'),
      ('ebb_purge',  true,  'deletes what has expired'),
      ('ebb_jobs',   true,  'makes partitions, delivers the outbox'),
      ('ebb_maint',  false, 'owns the functions and the partitioned tables')
    ) as roles (name, logs_in, purpose)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = role.name) then
      execute format('create role %I nosuperuser nocreatedb nocreaterole nobypassrls noreplication %s',
        role.name, case when role.logs_in then 'login' else 'nologin' end);
    end if;
    if role.logs_in then
      -- Whatever hangs lets go: a DROP of a partition waits for readers, and a lost client must not keep a lock.
      execute format('alter role %I set statement_timeout = %L', role.name, '30s');
      execute format('alter role %I set idle_in_transaction_session_timeout = %L', role.name, '30s');
      execute format('alter role %I set timezone = %L', role.name, 'UTC');
    end if;
    execute format('comment on role %I is %L', role.name, role.purpose);
  end loop;
end
$$;
--> statement-breakpoint
-- Whoever migrates must be able to hand tables and functions to ebb_maint, and later to alter them.
grant ebb_maint to current_user with inherit true, set true;
--> statement-breakpoint
create schema ebb;
--> statement-breakpoint
revoke all on schema public from public;
--> statement-breakpoint
do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$;
--> statement-breakpoint
alter default privileges revoke execute on functions from public;
--> statement-breakpoint
grant usage on schema public to ebb_app, ebb_ingest, ebb_purge, ebb_jobs, ebb_maint;
--> statement-breakpoint
grant usage on schema ebb to ebb_app, ebb_ingest, ebb_purge, ebb_jobs;
--> statement-breakpoint
-- Partitions are made in public by functions that ebb_maint owns.
grant usage, create on schema public to ebb_maint;
--> statement-breakpoint
grant usage, create on schema ebb to ebb_maint;
--> statement-breakpoint
-- The clock of every policy. The test database alone replaces it; `npm run check` and the deployment compare it.
create function ebb.clock() returns timestamptz
  language sql stable parallel safe
  return pg_catalog.now();
--> statement-breakpoint
-- When something anchored at `anchor` expires: forward, in UTC whatever the session's time zone, constrained to the
-- month's end, `infinity` for an anchor that has not happened.
create function ebb.expiry(anchor timestamptz, kept_for interval) returns timestamptz
  language sql immutable parallel safe
  return coalesce((anchor at time zone 'UTC' + kept_for) at time zone 'UTC', 'infinity'::timestamptz);
--> statement-breakpoint
grant execute on function ebb.clock(), ebb.expiry(timestamptz, interval)
  to ebb_app, ebb_ingest, ebb_purge, ebb_jobs, ebb_maint;
