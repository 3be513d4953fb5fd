-- Registering without a key, claiming, and granting tokens to people on instances (OAuth 2.0). New functions, and a new
-- body for one of 0014: locks nothing in use. Moments of the protocol come from the Worker, whose clock decides about them;
-- what a row's life is counted from never lies in the database's future.

-- The gate of the tenant to which a client was claimed; null: to none. For a nursery gate that has not heard of it.
create function ebb.claimed_gate(client text) returns text
  language sql stable security definer set search_path = ''
  return (
    select t.gate_id from public.instances i join public.tenants t on t.id = i.tenant_id and t.expires_at > ebb.clock()
     where i.client_id = client and i.expires_at > ebb.clock()
     order by i.registered_at limit 1
  );
--> statement-breakpoint
alter function ebb.claimed_gate(text) owner to ebb_maint;
--> statement-breakpoint
-- An instance registers without a key. Returns when the registration expires unless somebody claims it.
create function ebb.register_unclaimed(id uuid, client text, secret_hash bytea, gate text, name text, scope text,
    grant_types text[], redirect_uris text[], auth_method text, country text, network_operator text, claim_code_hash bytea,
    claim_code_demanded boolean, idempotency_hash bytea, request_hash bytea)
  returns timestamptz
  language sql security definer set search_path = ''
  begin atomic
    -- One that has expired is there until it is purged.
    update public.unclaimed_registrations u set idempotency_hash = null
     where u.idempotency_hash = register_unclaimed.idempotency_hash and u.expires_at <= ebb.clock();
    insert into public.unclaimed_registrations (id, client_id, secret_hash, gate_id, name, scope, grant_types, redirect_uris,
        token_endpoint_auth_method, country, network_operator, claim_code_hash, claim_code_demanded,
        idempotency_hash, request_hash, registered_at)
      values (register_unclaimed.id, client, register_unclaimed.secret_hash, gate, register_unclaimed.name,
        register_unclaimed.scope, register_unclaimed.grant_types, register_unclaimed.redirect_uris, auth_method,
        register_unclaimed.country, register_unclaimed.network_operator, register_unclaimed.claim_code_hash,
        register_unclaimed.claim_code_demanded, register_unclaimed.idempotency_hash, register_unclaimed.request_hash,
        ebb.clock())
    on conflict (idempotency_hash) where idempotency_hash is not null do nothing
    returning expires_at;
  end;
--> statement-breakpoint
alter function ebb.register_unclaimed(uuid, text, bytea, text, text, text, text[], text[], text, text, text, bytea, boolean,
    bytea, bytea) owner to ebb_maint;
--> statement-breakpoint
-- What an instance without a key registered with this Idempotency-Key, claimed or not: whether by this very request, and
-- whether this is the secret that it has now.
create function ebb.unclaimed_by_idempotency(idempotency_hash bytea, request_hash bytea, secret_hash bytea)
  returns table (client_id text, gate_id text, same_request boolean, same_secret boolean, claimed boolean)
  language sql stable security definer set search_path = ''
  begin atomic
    select u.client_id, u.gate_id, u.request_hash = unclaimed_by_idempotency.request_hash,
           u.secret_hash is not distinct from unclaimed_by_idempotency.secret_hash, u.claimed_at is not null
      from public.unclaimed_registrations u
     where u.idempotency_hash = unclaimed_by_idempotency.idempotency_hash and u.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.unclaimed_by_idempotency(bytea, bytea, bytea) owner to ebb_maint;
--> statement-breakpoint
-- An unclaimed instance has another secret and another claim code, because its answer was lost: no row once it was claimed,
-- or locked by wrong codes: it registers anew then, and not once more.
create function ebb.register_unclaimed_again(idempotency_hash bytea, secret_hash bytea, claim_code_hash bytea)
  returns table (name text, scope text, grant_types text[], redirect_uris text[], auth_method text,
                 registered_at timestamptz, expires_at timestamptz)
  language sql security definer set search_path = ''
  begin atomic
    update public.unclaimed_registrations u
       set secret_hash = register_unclaimed_again.secret_hash, claim_code_hash = register_unclaimed_again.claim_code_hash
     where u.idempotency_hash = register_unclaimed_again.idempotency_hash and u.claimed_at is null
       and u.claim_attempts < 10 and u.expires_at > ebb.clock()
    returning u.name, u.scope, u.grant_types, u.redirect_uris, u.token_endpoint_auth_method, u.registered_at, u.expires_at;
  end;
--> statement-breakpoint
alter function ebb.register_unclaimed_again(bytea, bytea, bytea) owner to ebb_maint;
--> statement-breakpoint
-- Tells the gate of an instance's tenant what its client is.
create function ebb.post_client(instance uuid) returns text
  language sql security definer set search_path = ''
  begin atomic
    insert into public.outbox (tenant_id, gate_id, message, recorded_at)
      select t.id, t.gate_id, jsonb_build_object(
               'kind', 'client',
               'clientId', i.client_id,
               'instanceId', ebb.typed_id('ins', i.id),
               'secretHash', (select rtrim(translate(encode(c.secret_hash, 'base64'), '+/', '-_'), '=')
                                from public.credentials c
                               where c.instance_id = i.id and c.kind = 'client-secret' and c.revoked_at is null
                               order by c.created_at desc limit 1),
               'scope', i.scope,
               'client', jsonb_build_object(
                 'name', i.name, 'scope', i.scope, 'grantTypes', to_jsonb(i.grant_types),
                 'redirectUris', to_jsonb(i.redirect_uris), 'authMethod', i.token_endpoint_auth_method,
                 'registeredAtMs', floor(extract(epoch from i.registered_at) * 1000))),
             ebb.clock()
        from public.instances i join public.tenants t on t.id = i.tenant_id
       where i.id = post_client.instance
    returning gate_id;
  end;
--> statement-breakpoint
alter function ebb.post_client(uuid) owner to ebb_maint;
--> statement-breakpoint
-- The instance that registered with this key and this Idempotency-Key within 24 hours has another secret, because its
-- answer was lost: whoever shows both keys is the machine that registered. The key may be used up, by that registration,
-- and so enters no tenant; nothing of it is used. No row where nothing registered so. EB401 no such key, EB410 expired,
-- EB411 revoked, EB403 suspended, EB413 closed, EB437 another request's Idempotency-Key, EB436 the instance was revoked or
-- removed.
create function ebb.register_again(credential bytea, idempotency_key text, request_hash bytea, secret_hash bytea, place text,
    request_id text)
  returns table (gate_id text, instance_id uuid, client_id text, name text, scope text, grant_types text[],
                 redirect_uris text[], auth_method text, registered_at timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  key record;
  earlier record;
  made record;
  state text;
begin
  select k.id, k.tenant_id, k.revoked_at, k.valid_until into key from public.registration_keys k
   where k.secret_hash = credential and k.expires_at > ebb.clock()
     for share;
  if not found then raise exception 'no such key' using errcode = 'EB401'; end if;
  if key.revoked_at <= ebb.clock() then raise exception 'revoked key' using errcode = 'EB411'; end if;
  if key.valid_until <= ebb.clock() then raise exception 'expired key' using errcode = 'EB410'; end if;
  state := ebb.refused_for(key.tenant_id);
  if state is not null then raise exception 'suspended or closed' using errcode = state; end if;
  select r.request_hash, r.result->>'clientId' as client_id into earlier from public.idempotency_records r
   where r.tenant_id = key.tenant_id and r.actor_id = key.id and r.key = idempotency_key and r.expires_at > ebb.clock();
  if not found then return; end if;
  if earlier.request_hash <> register_again.request_hash then
    raise exception 'another request' using errcode = 'EB437';
  end if;
  -- Of two at once the later's is the secret, here and, by the order of the outbox, in the gate.
  select i.id, i.tenant_id into made from public.instances i
   where i.client_id = earlier.client_id and i.tenant_id = key.tenant_id and i.removed_at is null
     and i.revoked_at is null and i.expires_at > ebb.clock()
     for no key update;
  if not found then raise exception 'no such instance' using errcode = 'EB436'; end if;
  if register_again.secret_hash is not null then
    update public.credentials c set revoked_at = ebb.clock()
     where c.instance_id = made.id and c.kind = 'client-secret' and c.revoked_at is null;
    insert into public.credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
      values (uuidv7(), made.tenant_id, 'client-secret', 'client secret', made.id, register_again.secret_hash, '{}',
        ebb.clock());
  end if;
  perform ebb.record_event('client-registered-again', 'succeeded', made.tenant_id, 'instance', made.id, null, place, null,
    request_id);
  return query
    select ebb.post_client(i.id), i.id, i.client_id, i.name, i.scope, i.grant_types, i.redirect_uris,
           i.token_endpoint_auth_method, i.registered_at
      from public.instances i where i.id = made.id;
end
$$;
--> statement-breakpoint
alter function ebb.register_again(bytea, text, bytea, bytea, text, text) owner to ebb_maint;
--> statement-breakpoint
-- A client changes what it registered (RFC 7592), by its secret; of an instance its tenant sees that in its history.
-- Returns the gate that is to hear of it; no row for a client that is not there with this secret.
create function ebb.change_client(client text, secret_hash bytea, scope text, grant_types text[], redirect_uris text[],
    place text, request_id text)
  returns table (gate_id text, claimed boolean, name text, registered_at timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  changed record;
begin
  update public.instances i
     set scope = change_client.scope, grant_types = change_client.grant_types, redirect_uris = change_client.redirect_uris
   where i.client_id = client and i.removed_at is null and i.revoked_at is null and i.expires_at > ebb.clock()
     and exists (select from public.credentials c
                  where c.instance_id = i.id and c.kind = 'client-secret' and c.secret_hash = change_client.secret_hash
                    and c.revoked_at is null and c.expires_at > ebb.clock())
  returning i.id, i.tenant_id, i.name, i.registered_at into changed;
  if found then
    perform ebb.record_event('client-changed', 'succeeded', changed.tenant_id, 'instance', changed.id, null, place, null,
      request_id);
    return query select ebb.post_client(changed.id), true, changed.name, changed.registered_at;
    return;
  end if;
  return query
    update public.unclaimed_registrations u
       set scope = change_client.scope, grant_types = change_client.grant_types,
           redirect_uris = change_client.redirect_uris
     where u.client_id = client and u.secret_hash = change_client.secret_hash and u.claimed_at is null
       and u.expires_at > ebb.clock()
    returning u.gate_id, false, u.name, u.registered_at;
end
$$;
--> statement-breakpoint
alter function ebb.change_client(text, bytea, text, text[], text[], text, text) owner to ebb_maint;
--> statement-breakpoint
-- A device asks for a sign-in (RFC 8628 section 3.1). EB408: the user code is taken.
create function ebb.begin_device(id uuid, device_hash bytea, user_hash bytea, client text, scope text, issued timestamptz)
  returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.device_codes (id, device_code_hash, user_code_hash, client_id, scope, issued_at)
    values (begin_device.id, device_hash, user_hash, client, begin_device.scope, least(issued, ebb.clock()));
exception when unique_violation then raise exception 'taken' using errcode = 'EB408';
end
$$;
--> statement-breakpoint
alter function ebb.begin_device(uuid, bytea, bytea, text, text, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- What a device's poll is decided on.
create function ebb.device_by_code(device_hash bytea)
  returns table (id uuid, client_id text, issued_at timestamptz, expires_at timestamptz, approved_at timestamptz,
                 denied_at timestamptz, used_at timestamptz, polled_at timestamptz, interval_s integer)
  language sql stable security definer set search_path = ''
  begin atomic
    select d.id, d.client_id, d.issued_at, d.expires_at, d.approved_at, d.denied_at, d.used_at, d.polled_at, d.interval_s
      from public.device_codes d
     where d.device_code_hash = device_hash and d.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.device_by_code(bytea) owner to ebb_maint;
--> statement-breakpoint
-- Notes a poll, unless another came between: false then.
create function ebb.note_poll(id uuid, seen timestamptz, at timestamptz, interval_s integer) returns boolean
  language sql security definer set search_path = ''
  begin atomic
    with noted as (
      update public.device_codes d set polled_at = note_poll.at, interval_s = note_poll.interval_s
       where d.id = note_poll.id and d.polled_at is not distinct from seen
      returning d.id)
    select exists (select from noted);
  end;
--> statement-breakpoint
alter function ebb.note_poll(uuid, timestamptz, timestamptz, integer) owner to ebb_maint;
--> statement-breakpoint
-- What stands behind a user code, for whoever is about to answer it: the instance where it is claimed, else what is known
-- of the registration. Ids and names; whether the reader may see them the caller finds out by entering the tenant.
create function ebb.device_request(user_hash bytea)
  returns table (id uuid, client_id text, scope text, expires_at timestamptz, answered boolean)
  language sql stable security definer set search_path = ''
  begin atomic
    select d.id, d.client_id, d.scope, d.expires_at,
           d.approved_at is not null or d.denied_at is not null or d.used_at is not null
      from public.device_codes d
     where d.user_code_hash = user_hash and d.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.device_request(bytea) owner to ebb_maint;
--> statement-breakpoint
create function ebb.client_of(client text)
  returns table (tenant_id uuid, instance_id uuid, name text, workspace_id uuid, workspace_name text,
                 registered_scope text, registered_at timestamptz, claimed_at timestamptz, country text,
                 network_operator text, claim_code_demanded boolean)
  language sql stable security definer set search_path = ''
  begin atomic
    select i.tenant_id, i.id, i.name, w.id, w.name, i.scope, i.registered_at, i.claimed_at, null::text, null::text, false
      from public.instances i join public.workspaces w on w.id = i.workspace_id
     where i.client_id = client and i.removed_at is null and i.revoked_at is null and i.expires_at > ebb.clock()
    union all
    select null, u.id, u.name, null, null, u.scope, u.registered_at, null, u.country, u.network_operator,
           u.claim_code_demanded
      from public.unclaimed_registrations u
     where u.client_id = client and u.claimed_at is null and u.expires_at > ebb.clock()
    limit 1;
  end;
--> statement-breakpoint
alter function ebb.client_of(text) owner to ebb_maint;
--> statement-breakpoint
-- EB435 after ten wrong claim codes: whoever gives the right one, or needs none, claims it no more. Else those who use up
-- the tries could still have it where a workspace waives the code, and its owner alone could not.
create function ebb.assert_claimable(attempts integer) returns void
  language plpgsql immutable set search_path = ''
as $$
begin
  if attempts >= 10 then raise exception 'too many wrong codes' using errcode = 'EB435'; end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_claimable(integer) owner to ebb_maint;
--> statement-breakpoint
-- Whether this is the code that an unclaimed instance has printed. EB435 after ten wrong ones: the instance registers
-- anew. In a transaction of its own, so that nothing takes back the count.
create function ebb.try_claim_code(client text, code_hash bytea) returns boolean
  language plpgsql security definer set search_path = ''
as $$
declare
  registered record;
begin
  select u.id, u.claim_code_hash, u.claim_attempts into registered from public.unclaimed_registrations u
   where u.client_id = client and u.claimed_at is null and u.expires_at > ebb.clock() for update;
  if not found then return false; end if;
  perform ebb.assert_claimable(registered.claim_attempts);
  if code_hash = registered.claim_code_hash then return true; end if;
  update public.unclaimed_registrations u set claim_attempts = u.claim_attempts + 1 where u.id = registered.id;
  return false;
end
$$;
--> statement-breakpoint
alter function ebb.try_claim_code(text, bytea) owner to ebb_maint;
--> statement-breakpoint
-- Who may approve in the tenant opened: a person there, or a personal access token. EB405.
create function ebb.approver() returns table (person uuid, credential uuid, workspace uuid)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  entered record;
begin
  select * into entered from ebb.entered();
  if not found or not entered.opened or not ebb.may('device:approve') then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  if entered.actor_kind = 'person' then
    return query select entered.actor_id, null::uuid, null::uuid;
  elsif entered.actor_kind = 'personal-access-token' then
    return query select c.person_id, c.id, c.workspace_id from public.credentials c where c.id = entered.actor_id;
  else
    raise exception 'nobody in person' using errcode = 'EB405';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.approver() owner to ebb_maint;
--> statement-breakpoint
-- EB405 for a scope beyond what was asked for, or beyond what whoever approves holds; and without `profile:read`, without
-- which nothing is granted.
create function ebb.assert_grants(granted text, requested text) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if granted is null or 'profile:read' <> all (string_to_array(granted, ' ')) or exists (
       select from unnest(string_to_array(granted, ' ')) g (scope)
        where g.scope <> all (string_to_array(requested, ' '))
           or not ebb.may(case g.scope when 'assistant' then 'assistant:use' when 'offline' then 'offline:use'
                                       else g.scope end)) then
    raise exception 'more than may be granted' using errcode = 'EB405';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_grants(text, text) owner to ebb_maint;
--> statement-breakpoint
-- The instance of this client in the tenant opened, for whoever approves there. EB404; EB405 for a token bound to another
-- workspace.
create function ebb.instance_to_approve(client text, bound_to uuid) returns uuid
  language plpgsql stable security definer set search_path = ''
as $$
declare
  met record;
begin
  select i.id, i.workspace_id into met from public.instances i
   where i.client_id = client and i.tenant_id = ebb.tenant() and i.removed_at is null and i.revoked_at is null
     and i.expires_at > ebb.clock();
  if not found then raise exception 'no such instance' using errcode = 'EB404'; end if;
  if bound_to is not null and bound_to <> met.workspace_id then
    raise exception 'bound to another workspace' using errcode = 'EB405';
  end if;
  return met.id;
end
$$;
--> statement-breakpoint
alter function ebb.instance_to_approve(text, uuid) owner to ebb_maint;
--> statement-breakpoint
-- The workspace into which whoever entered claims an instance: the one that is named, the one to which a token is bound,
-- or the only one there is; null where none of several is named. EB405 for who may not claim, or not there.
create function ebb.claim_target(named uuid) returns uuid
  language plpgsql stable security definer set search_path = ''
as $$
declare
  asking record;
  open uuid[];
begin
  select * into asking from ebb.approver();
  if not ebb.may('instance:claim')
     or (asking.credential is not null and (asking.workspace is null or asking.workspace <> named)) then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
  if coalesce(named, asking.workspace) is not null then return coalesce(named, asking.workspace); end if;
  select array_agg(w.id) into open
    from (select w.id from public.workspaces w
           where w.tenant_id = ebb.tenant() and w.removed_at is null and w.expires_at > ebb.clock() limit 2) w;
  return case when cardinality(open) = 1 then open[1] end;
end
$$;
--> statement-breakpoint
alter function ebb.claim_target(uuid) owner to ebb_maint;
--> statement-breakpoint
-- An unclaimed instance becomes one of the workspace, in the tenant opened: once, of two at once. A personal access token
-- claims only into the workspace to which it is bound. Where it registered from is forgotten. EB404 no such registration
-- or workspace, EB405 not permitted, EB422 without the code that the instance prints, where it demands that, or the
-- workspace asks for it, EB435 after ten wrong codes, whoever asks.
create function ebb.claim_instance(client text, workspace uuid, code_hash bytea, name text) returns uuid
  language plpgsql security definer set search_path = ''
as $$
declare
  registered record;
  place record;
begin
  select w.id, w.claim_code_required into place from public.workspaces w
   where w.id = ebb.claim_target(claim_instance.workspace) and w.tenant_id = ebb.tenant() and w.removed_at is null
     and w.expires_at > ebb.clock() for share;
  if not found then raise exception 'no such workspace' using errcode = 'EB404'; end if;
  select u.* into registered from public.unclaimed_registrations u
   where u.client_id = client and u.claimed_at is null and u.expires_at > ebb.clock() for update;
  if not found then raise exception 'no such registration' using errcode = 'EB404'; end if;
  perform ebb.assert_claimable(registered.claim_attempts);
  if (place.claim_code_required or registered.claim_code_demanded)
     and (registered.claim_code_hash is null or code_hash is distinct from registered.claim_code_hash) then
    raise exception 'not the code' using errcode = 'EB422';
  end if;
  insert into public.instances (id, tenant_id, workspace_id, name, client_id, scope, grant_types, redirect_uris,
      token_endpoint_auth_method, registered_at, claimed_at)
    values (registered.id, ebb.tenant(), place.id, coalesce(claim_instance.name, registered.name), client,
      registered.scope, registered.grant_types, registered.redirect_uris, registered.token_endpoint_auth_method,
      registered.registered_at, ebb.clock());
  if registered.secret_hash is not null then
    insert into public.credentials (id, tenant_id, kind, name, instance_id, secret_hash, permissions, created_at)
      values (uuidv7(), ebb.tenant(), 'client-secret', 'client secret', registered.id, registered.secret_hash, '{}',
        ebb.clock());
  end if;
  update public.unclaimed_registrations u set claimed_at = ebb.clock(), country = null, network_operator = null
   where u.id = registered.id;
  perform ebb.post_client(registered.id);
  return registered.id;
end
$$;
--> statement-breakpoint
alter function ebb.claim_instance(text, uuid, bytea, text) owner to ebb_maint;
--> statement-breakpoint
-- Whoever entered lets a device's person sign in on its instance. EB404 no such request, EB405 not permitted, EB408 it was
-- answered before.
create function ebb.approve_device(request uuid, granted text) returns uuid
  language plpgsql security definer set search_path = ''
as $$
declare
  asking record;
  asked record;
  instance uuid;
begin
  select * into asking from ebb.approver();
  select d.id, d.client_id, d.scope, d.approved_at, d.denied_at, d.used_at into asked from public.device_codes d
   where d.id = request and d.expires_at > ebb.clock() for update;
  if not found then raise exception 'no such request' using errcode = 'EB404'; end if;
  instance := ebb.instance_to_approve(asked.client_id, asking.workspace);
  if asked.approved_at is not null or asked.denied_at is not null or asked.used_at is not null then
    raise exception 'answered' using errcode = 'EB408';
  end if;
  perform ebb.assert_grants(granted, asked.scope);
  update public.device_codes d
     set person_id = asking.person, tenant_id = ebb.tenant(), instance_id = instance, granted_scope = granted,
         credential_id = asking.credential, approved_at = ebb.clock()
   where d.id = asked.id;
  return instance;
end
$$;
--> statement-breakpoint
alter function ebb.approve_device(uuid, text) owner to ebb_maint;
--> statement-breakpoint
-- Whoever knows the user code, and is somebody, turns down the request of an unclaimed client; that of an instance, who
-- may approve it. EB401, EB410, EB411 as `ebb.person_of`; EB405 for who may not, EB404 no such request, or one of a tenant
-- in which they are nothing, EB408 it was answered before.
create function ebb.deny_device(credential bytea, request uuid, place text, request_id text) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  asking uuid;
  token record;
  asked record;
  home record;
begin
  select c.kind, c.person_id, c.tenant_id, c.workspace_id, c.permissions, c.revoked_at, c.valid_until into token
    from public.credentials c
   where c.secret_hash = credential and c.kind in ('api-key', 'personal-access-token') and c.expires_at > ebb.clock();
  if found and not (token.revoked_at <= ebb.clock()) is true and not (token.valid_until <= ebb.clock()) is true then
    if token.kind = 'api-key' or 'device:approve' <> all (token.permissions)
       or not exists (select from ebb.role_in(token.person_id, token.tenant_id) r
                       where 'device:approve' = any (ebb.permissions_of(r.role))) then
      raise exception 'not permitted' using errcode = 'EB405';
    end if;
    asking := token.person_id;
  else
    select o.person into asking from ebb.person_of(credential) o;
  end if;
  select d.id, d.client_id, d.approved_at, d.denied_at, d.used_at into asked from public.device_codes d
   where d.id = request and d.expires_at > ebb.clock() for update;
  if not found then raise exception 'no such request' using errcode = 'EB404'; end if;
  select i.workspace_id, (select r.role from ebb.role_in(asking, i.tenant_id) r) as role,
         token.tenant_id is null or token.tenant_id = any (t.path) as reaches into home
    from public.instances i join public.tenants t on t.id = i.tenant_id
   where i.client_id = asked.client_id;
  if found then
    if home.role is null or not home.reaches then raise exception 'no such request' using errcode = 'EB404'; end if;
    if 'device:approve' <> all (ebb.permissions_of(home.role)) or token.workspace_id <> home.workspace_id then
      raise exception 'not permitted' using errcode = 'EB405';
    end if;
  end if;
  if asked.approved_at is not null or asked.denied_at is not null or asked.used_at is not null then
    raise exception 'answered' using errcode = 'EB408';
  end if;
  update public.device_codes d set denied_at = ebb.clock(), person_id = asking where d.id = asked.id;
  perform ebb.record_event('device-denied', 'succeeded', ebb.only_tenant(asking), 'person', asking, asking, place, null,
    request_id);
end
$$;
--> statement-breakpoint
alter function ebb.deny_device(bytea, uuid, text, text) owner to ebb_maint;
--> statement-breakpoint
-- A code that a client exchanges (RFC 6749 section 4.1.2), of whoever entered in person.
create function ebb.issue_code(id uuid, code_hash bytea, client text, redirect_uri text, challenge text, requested text,
    granted text, issued timestamptz) returns uuid
  language plpgsql security definer set search_path = ''
as $$
declare
  asking record;
  instance uuid;
begin
  select * into asking from ebb.approver();
  if asking.credential is not null then raise exception 'takes a session' using errcode = 'EB405'; end if;
  instance := ebb.instance_to_approve(client, null);
  if not exists (select from public.instances i
                  where i.id = instance and issue_code.redirect_uri is not null
                    and 'authorization_code' = any (i.grant_types)
                    and (challenge is not null or i.token_endpoint_auth_method <> 'none')) then
    raise exception 'not this grant' using errcode = 'EB405';
  end if;
  perform ebb.assert_grants(granted, requested);
  insert into public.authorization_codes (id, code_hash, client_id, person_id, tenant_id, instance_id, redirect_uri,
      code_challenge, scope, issued_at)
    values (issue_code.id, issue_code.code_hash, client, asking.person, ebb.tenant(), instance, issue_code.redirect_uri,
      challenge, granted, least(issued, ebb.clock()));
  return instance;
end
$$;
--> statement-breakpoint
alter function ebb.issue_code(uuid, bytea, text, text, text, text, text, timestamptz) owner to ebb_maint;
--> statement-breakpoint
create function ebb.code_by_hash(code_hash bytea)
  returns table (id uuid, client_id text, redirect_uri text, code_challenge text, issued_at timestamptz,
                 expires_at timestamptz, used_at timestamptz, family_id uuid, tenant_id uuid)
  language sql stable security definer set search_path = ''
  begin atomic
    select c.id, c.client_id, c.redirect_uri, c.code_challenge, c.issued_at, c.expires_at, c.used_at, c.family_id,
           c.tenant_id
      from public.authorization_codes c
     where c.code_hash = code_by_hash.code_hash and c.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.code_by_hash(bytea) owner to ebb_maint;
--> statement-breakpoint
-- Of the scope of a sign-in what it may still have: what the instance still registers, and whoever approved it may still
-- give. Null where it has ended, its instance is gone, its person is nothing there any more, profile:read is not left, or
-- the token that approved it has ended or is bound to another workspace than the instance's: by this one rule it stands
-- or not, whoever asks.
create function ebb.scope_left(family uuid) returns text[]
  language sql stable security definer set search_path = ''
  return (
    select g.scopes
      from public.token_families f
      join public.instances i on i.id = f.instance_id and i.tenant_id = f.tenant_id and i.removed_at is null
                             and i.revoked_at is null and i.expires_at > ebb.clock()
      join ebb.role_in(f.person_id, f.tenant_id) r on r.role is not null
      left join public.credentials c on c.id = f.credential_id and c.expires_at > ebb.clock()
                                    and c.valid_until > ebb.clock() and not coalesce(c.revoked_at <= ebb.clock(), false)
                                    and coalesce(c.workspace_id, i.workspace_id) = i.workspace_id
      cross join lateral (
        select array_agg(s.scope order by s.place) as scopes
          from unnest(string_to_array(f.scope, ' ')) with ordinality s (scope, place),
               lateral (select case s.scope when 'assistant' then 'assistant:use' when 'offline' then 'offline:use'
                                            else s.scope end) as p (permission)
         where s.scope = any (regexp_split_to_array(i.scope, '[ ,]+'))
           and p.permission = any (ebb.permissions_of(r.role))
           and (f.credential_id is null or p.permission = any (c.permissions))) g
     where f.id = family and f.ended_at is null and f.expires_at > ebb.clock() and 'profile:read' = any (g.scopes)
  );
--> statement-breakpoint
alter function ebb.scope_left(uuid) owner to ebb_maint;
--> statement-breakpoint
-- What the tokens of a sign-in say, while it may have any. EB420 it has ended, or its instance is gone; EB421 nothing is
-- left of its scope (ebb.scope_left); EB403 and EB413 tenant suspended or closed.
create function ebb.subject_of(family uuid)
  returns table (family_id uuid, tenant_id uuid, gate_id text, instance_id uuid, workspace_id uuid, person_id uuid,
                 client_id text, scope text, generation integer, started_at timestamptz, not_after timestamptz)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  met record;
  refused text;
  given text[] := ebb.scope_left(subject_of.family);
begin
  select f.*, t.gate_id, i.workspace_id, w.generation, c.valid_until
    into met
    from public.token_families f
    join public.tenants t on t.id = f.tenant_id
    join public.instances i on i.id = f.instance_id and i.tenant_id = f.tenant_id and i.removed_at is null
                           and i.revoked_at is null and i.expires_at > ebb.clock()
    join public.workspaces w on w.id = i.workspace_id
    left join public.credentials c on c.id = f.credential_id
   where f.id = family and f.ended_at is null and f.expires_at > ebb.clock();
  if not found then raise exception 'ended' using errcode = 'EB420'; end if;
  refused := ebb.refused_for(met.tenant_id);
  if refused is not null then raise exception 'suspended or closed' using errcode = refused; end if;
  if given is null then raise exception 'not any more' using errcode = 'EB421'; end if;
  return query select met.id, met.tenant_id, met.gate_id, met.instance_id, met.workspace_id, met.person_id, met.client_id,
    array_to_string(given, ' '), met.generation, met.started_at, met.valid_until;
end
$$;
--> statement-breakpoint
alter function ebb.subject_of(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Whatever ends a sign-in changes one of these rows first: of an end and an issue at once the one sees the other. Before
-- any code or sign-in is locked, which an end locks after these.
create function ebb.lock_grounds(instance uuid, person uuid, credential uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  perform from public.instances i where i.id = instance for share;
  perform from public.people p where p.id = person for share;
  perform from public.memberships m where m.person_id = person and m.removed_at is null order by m.id for share;
  perform from public.credentials c where c.id = credential for share;
end
$$;
--> statement-breakpoint
alter function ebb.lock_grounds(uuid, uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- A sign-in begins, with its first refresh token where there is one. Whoever calls has locked its grounds.
create function ebb.begin_family(family uuid, tenant uuid, instance uuid, person uuid, client text, scope text,
    credential uuid, refresh_id uuid, refresh_hash bytea, place text, request_id text) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.token_families (id, tenant_id, instance_id, person_id, client_id, scope, credential_id, started_at,
      renewed_at)
    values (family, tenant, instance, person, client, begin_family.scope, credential, ebb.clock(), ebb.clock());
  if refresh_hash is not null then
    insert into public.refresh_tokens (id, family_id, tenant_id, person_id, secret_hash, issued_at)
      values (refresh_id, family, tenant, person, refresh_hash, ebb.clock());
  end if;
  perform ebb.record_event('token-issued', 'succeeded', tenant, 'person', person, person, place, null, request_id);
end
$$;
--> statement-breakpoint
alter function ebb.begin_family(uuid, uuid, uuid, uuid, text, text, uuid, uuid, bytea, text, text) owner to ebb_maint;
--> statement-breakpoint
-- Exchanges an approved device code, once: EB420 it was exchanged, or may not be. By the code's hash, which the device
-- alone can show: the request's id is told to whoever types the user code.
create function ebb.redeem_device(device_hash bytea, client text, family uuid, refresh_id uuid, refresh_hash bytea, place text,
    request_id text)
  returns table (family_id uuid, tenant_id uuid, gate_id text, instance_id uuid, workspace_id uuid, person_id uuid,
                 client_id text, scope text, generation integer, started_at timestamptz, not_after timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  asked public.device_codes;
begin
  select d.* into asked from public.device_codes d
   where d.device_code_hash = device_hash and d.client_id = client and d.approved_at is not null;
  if not found then raise exception 'not approved' using errcode = 'EB420'; end if;
  perform ebb.lock_grounds(asked.instance_id, asked.person_id, asked.credential_id);
  -- It is looked at again: whoever had these locked may have ended it.
  update public.device_codes d set used_at = ebb.clock()
   where d.id = asked.id and d.client_id = client and d.approved_at is not null and d.denied_at is null
     and d.used_at is null and d.expires_at > ebb.clock()
  returning d.* into asked;
  if not found then raise exception 'used' using errcode = 'EB420'; end if;
  perform ebb.begin_family(family, asked.tenant_id, asked.instance_id, asked.person_id, asked.client_id,
    asked.granted_scope, asked.credential_id, refresh_id, refresh_hash, place, request_id);
  return query select * from ebb.subject_of(family);
end
$$;
--> statement-breakpoint
alter function ebb.redeem_device(bytea, text, uuid, uuid, bytea, text, text) owner to ebb_maint;
--> statement-breakpoint
-- Exchanges an authorization code, by its hash, once: EB420 as above.
create function ebb.redeem_code(code_hash bytea, client text, family uuid, refresh_id uuid, refresh_hash bytea, place text,
    request_id text)
  returns table (family_id uuid, tenant_id uuid, gate_id text, instance_id uuid, workspace_id uuid, person_id uuid,
                 client_id text, scope text, generation integer, started_at timestamptz, not_after timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  issued public.authorization_codes;
begin
  select c.* into issued from public.authorization_codes c
   where c.code_hash = redeem_code.code_hash and c.client_id = client;
  if not found then raise exception 'no such code' using errcode = 'EB420'; end if;
  perform ebb.lock_grounds(issued.instance_id, issued.person_id, null);
  update public.authorization_codes c set used_at = ebb.clock(), family_id = redeem_code.family
   where c.id = issued.id and c.client_id = client and c.used_at is null and c.expires_at > ebb.clock()
  returning c.* into issued;
  if not found then raise exception 'used' using errcode = 'EB420'; end if;
  perform ebb.begin_family(family, issued.tenant_id, issued.instance_id, issued.person_id, issued.client_id, issued.scope,
    null, refresh_id, refresh_hash, place, request_id);
  return query select * from ebb.subject_of(redeem_code.family);
end
$$;
--> statement-breakpoint
alter function ebb.redeem_code(bytea, text, uuid, uuid, bytea, text, text) owner to ebb_maint;
--> statement-breakpoint
-- What the use of a refresh token is decided on: itself, its sign-in, and what has come in its place.
create function ebb.refresh_by_hash(refresh_hash bytea)
  returns table (id uuid, used_at timestamptz, revoked_at timestamptz, issued_at timestamptz, expires_at timestamptz,
                 family_id uuid, tenant_id uuid, client_id text, scope text, ended_at timestamptz, family_ends timestamptz,
                 instance_id uuid, workspace_id uuid, person_id uuid,
                 successor_id uuid, successor_used_at timestamptz, successor_revoked_at timestamptz)
  language sql stable security definer set search_path = ''
  begin atomic
    select r.id, r.used_at, r.revoked_at, r.issued_at, r.expires_at, f.id, f.tenant_id, f.client_id, f.scope, f.ended_at,
           f.expires_at, f.instance_id, i.workspace_id, f.person_id, s.id, s.used_at, s.revoked_at
      from public.refresh_tokens r
      join public.token_families f on f.id = r.family_id and f.expires_at > ebb.clock()
      left join public.instances i on i.id = f.instance_id
      left join lateral (
        select n.id, n.used_at, n.revoked_at from public.refresh_tokens n
         where n.family_id = r.family_id and n.predecessor_id = r.id
         order by n.revoked_at is null desc, n.issued_at desc, n.id desc limit 1) s on true
     where r.secret_hash = refresh_hash and r.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.refresh_by_hash(bytea) owner to ebb_maint;
--> statement-breakpoint
-- A successor in the place of a refresh token (RFC 9700 section 4.14.2), and of the one that came before and was never
-- used, when that answer was lost. EB420 when it is not any more as it was when that was decided.
create function ebb.rotate_refresh(token uuid, voids uuid, successor uuid, successor_hash bytea, at timestamptz)
  returns table (family_id uuid, tenant_id uuid, gate_id text, instance_id uuid, workspace_id uuid, person_id uuid,
                 client_id text, scope text, generation integer, started_at timestamptz, not_after timestamptz)
  language plpgsql security definer set search_path = ''
as $$
declare
  presented record;
begin
  select r.family_id as id into presented from public.refresh_tokens r where r.id = token;
  perform ebb.lock_grounds(f.instance_id, f.person_id, f.credential_id) from public.token_families f where f.id = presented.id;
  -- One at a time in a family.
  perform from public.token_families f where f.id = presented.id for update;
  select r.id, r.family_id, r.tenant_id, r.person_id, r.used_at, r.revoked_at into presented
    from public.refresh_tokens r where r.id = token and r.expires_at > ebb.clock();
  if not found or presented.revoked_at is not null
     or (presented.used_at is null) <> (voids is null)
     or (voids is not null and not exists (
           select from public.refresh_tokens v
            where v.id = voids and v.predecessor_id = token and v.used_at is null and v.revoked_at is null)) then
    raise exception 'changed meanwhile' using errcode = 'EB420';
  end if;
  update public.refresh_tokens r set revoked_at = ebb.clock() where r.id = voids;
  update public.refresh_tokens r set used_at = rotate_refresh.at where r.id = token and r.used_at is null;
  insert into public.refresh_tokens (id, family_id, tenant_id, person_id, secret_hash, predecessor_id, issued_at)
    values (successor, presented.family_id, presented.tenant_id, presented.person_id, successor_hash, token, ebb.clock());
  update public.token_families f set renewed_at = ebb.clock() where f.id = presented.family_id;
  return query select * from ebb.subject_of(presented.family_id);
end
$$;
--> statement-breakpoint
alter function ebb.rotate_refresh(uuid, uuid, uuid, bytea, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Has the gate of a tenant refuse something that was revoked, until nothing of it could be accepted any more.
create function ebb.post_revoked(tenant uuid, subject_kind text, subject_id text, reason text, until_at timestamptz)
  returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', 'revoked',
             'subject', jsonb_build_object('kind', subject_kind, 'id', subject_id),
             'reason', post_revoked.reason,
             'issuedBeforeMs', null,
             'untilMs', floor(extract(epoch from until_at) * 1000)),
           ebb.clock()
      from public.tenants t where t.id = post_revoked.tenant;
end
$$;
--> statement-breakpoint
alter function ebb.post_revoked(uuid, text, text, text, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Until when an access token of a person's could be accepted: 7 days, and 10 minutes for clocks that differ.
create function ebb.user_token_reach() returns timestamptz
  language sql stable security definer set search_path = ''
  return ebb.clock() + interval '7 days 10 minutes';
--> statement-breakpoint
alter function ebb.user_token_reach() owner to ebb_maint;
--> statement-breakpoint
-- Has the gate of a tenant refuse one access token, by its `jti`, until it has expired by itself (RFC 7009).
create function ebb.revoke_access_token(tenant uuid, token text, until_at timestamptz) returns text
  language sql security definer set search_path = ''
  begin atomic
    select ebb.post_revoked(t.id, 'token', token, 'token-revoked', least(until_at, ebb.clock() + interval '8 days'))
      from public.tenants t where t.id = tenant and t.expires_at > ebb.clock();
    select t.gate_id from public.tenants t where t.id = tenant and t.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.revoke_access_token(uuid, text, timestamptz) owner to ebb_maint;
--> statement-breakpoint
-- Where the session's person may claim an instance: workspaces of tenants to which they belong.
create function ebb.own_workspaces(credential bytea)
  returns table (tenant_id uuid, tenant_name text, workspace_id uuid, workspace_name text, claim_code_required boolean)
  language sql stable security definer set search_path = ''
  begin atomic
    select t.id, t.name, w.id, w.name, w.claim_code_required
      from ebb.person_of(credential) o
      join public.memberships m on m.person_id = o.person and m.removed_at is null and m.expires_at > ebb.clock()
      join public.tenants t on t.id = m.tenant_id and t.expires_at > ebb.clock()
      join public.workspaces w on w.tenant_id = t.id and w.removed_at is null and w.expires_at > ebb.clock()
     where 'instance:claim' = any (ebb.permissions_of(m.role)) and ebb.refused_for(t.id) is null
     order by m.created_at, m.id, w.created_at, w.id
     limit 100;
  end;
--> statement-breakpoint
alter function ebb.own_workspaces(bytea) owner to ebb_maint;
--> statement-breakpoint
-- As in 0014, and: a token's workspace.
create or replace function ebb.credentials_made() returns trigger
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
  select c.person_id, c.maker_tenant_id, c.valid_until, c.workspace_id into maker from public.credentials c
   where c.id = entered.actor_id and c.kind = entered.actor_kind;
  -- What a token bound to a workspace makes is bound to it too.
  new.workspace_id := coalesce(maker.workspace_id, new.workspace_id);
  if new.workspace_id is not null and not exists (
       select from public.workspaces w
        where w.id = new.workspace_id and w.tenant_id = new.tenant_id and w.removed_at is null) then
    raise exception 'no such workspace' using errcode = 'EB404';
  end if;
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
-- As in 0018, and: of two rotations at once one finds the key ended.
create or replace function ebb.rotate_key(former uuid, successor uuid, overlap_s integer, request_id text) returns timestamptz
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
  -- By the time that it is now, also where it took a while to get the row: another rotation may have ended it.
  if former_key.revoked_at <= greatest(ebb.clock(), clock_timestamp())
     or former_key.valid_until <= greatest(ebb.clock(), clock_timestamp()) then
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
