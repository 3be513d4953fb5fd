-- What an instance and a person's token ask: the instance's workspace, the person's profile, and to end a sign-in. New
-- functions alone: locks nothing.

-- The workspace of a live instance of this tenant; no row for one that was removed or revoked, or is of another. Needs no
-- tenant entered: whoever calls has proven the instance's token. Refuses as `ebb.enter` does: EB403, EB413.
create function ebb.workspace_of_instance(instance uuid, tenant uuid)
  returns table (id uuid, name text, generation integer)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  refused text := ebb.refused_for(workspace_of_instance.tenant);
begin
  if refused is not null then raise exception 'suspended or closed' using errcode = refused; end if;
  return query select w.id, w.name, w.generation
    from public.instances i join public.workspaces w on w.tenant_id = i.tenant_id and w.id = i.workspace_id
   where i.id = workspace_of_instance.instance and i.tenant_id = workspace_of_instance.tenant
     and i.removed_at is null and i.revoked_at is null and i.expires_at > ebb.clock()
     and w.removed_at is null and w.expires_at > ebb.clock();
end
$$;
--> statement-breakpoint
alter function ebb.workspace_of_instance(uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- A person as they themselves see it on an instance, and the plan of the tenant: while this sign-in of theirs there
-- stands (ebb.scope_left). No row else. Needs no tenant entered: whoever calls has proven the person's token. Refuses as
-- `ebb.enter` does: EB403, EB413.
create function ebb.profile_of(family uuid, person uuid, tenant uuid)
  returns table (id uuid, name text, email text, plan text)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  refused text := ebb.refused_for(profile_of.tenant);
begin
  if refused is not null then raise exception 'suspended or closed' using errcode = refused; end if;
  return query select p.id, p.name, p.email, ebb.plan_of(f.tenant_id)
    from public.token_families f join public.people p on p.id = f.person_id
   where f.id = profile_of.family and f.person_id = profile_of.person and f.tenant_id = profile_of.tenant
     and p.expires_at > ebb.clock() and ebb.scope_left(f.id) is not null;
end
$$;
--> statement-breakpoint
alter function ebb.profile_of(uuid, uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Whether a sign-in in the tenant entered stands (ebb.scope_left); false for one of any other.
create function ebb.sign_in_stands(family uuid) returns boolean
  language sql stable security definer set search_path = ''
  return exists (
    select from public.token_families f
     where f.id = family and f.tenant_id = ebb.tenant() and ebb.scope_left(f.id) is not null
  );
--> statement-breakpoint
alter function ebb.sign_in_stands(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Ends sign-ins on instances: their refresh tokens are void, and the gates refuse their access tokens. Those that have
-- ended stay as they are. Returns the gates.
create function ebb.end_families(families uuid[]) returns text[]
  language plpgsql security definer set search_path = ''
as $$
declare
  ended record;
  tenants uuid[] := '{}';
begin
  for ended in
    update public.token_families f set ended_at = ebb.clock()
     where f.id = any (families) and f.ended_at is null
    returning f.id, f.tenant_id
  loop
    perform ebb.post_revoked(ended.tenant_id, 'session', ebb.typed_id('fam', ended.id), 'sign-in-ended',
      ebb.user_token_reach());
    tenants := tenants || ended.tenant_id;
  end loop;
  update public.refresh_tokens r set revoked_at = ebb.clock()
   where r.family_id = any (families) and r.revoked_at is null;
  return coalesce((select array_agg(distinct t.gate_id) from public.tenants t where t.id = any (tenants)), '{}');
end
$$;
--> statement-breakpoint
alter function ebb.end_families(uuid[]) owner to ebb_maint;
--> statement-breakpoint
-- Ends a person's sign-in on an instance, with its refresh tokens, and has the tenant's gate refuse its access tokens for
-- as long as one could be left: seven days and the skew of two clocks. Returns the gates to tell, also of one that had
-- ended before, whose gate may not have heard; none for a sign-in that is not this tenant's.
create function ebb.end_sign_in(family uuid, tenant uuid, reason text, place text, request_id text) returns text[]
  language plpgsql security definer set search_path = ''
as $$
declare
  live record;
begin
  select f.id, f.person_id into live from public.token_families f
   where f.id = end_sign_in.family and f.tenant_id = end_sign_in.tenant and f.ended_at is null
     for update;
  if found then
    perform ebb.end_families(array[live.id]);
    perform ebb.record_event('sign-out', 'succeeded', end_sign_in.tenant, 'person', live.person_id, live.person_id,
      end_sign_in.place, end_sign_in.reason, end_sign_in.request_id);
  end if;
  return coalesce((select array_agg(t.gate_id)
                     from public.token_families f join public.tenants t on t.id = f.tenant_id
                    where f.id = end_sign_in.family and f.tenant_id = end_sign_in.tenant), '{}');
end
$$;
--> statement-breakpoint
alter function ebb.end_sign_in(uuid, uuid, text, text, text) owner to ebb_maint;
