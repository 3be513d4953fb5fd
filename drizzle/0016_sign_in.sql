-- Signing in, what a person may see and end of their own, invitations' acceptance, tenants' own providers, mail.
-- New functions only: locks nothing in use.

-- Whose session this is. EB401 unknown, EB410 expired, EB411 ended or revoked, EB404 for an API key, which is nobody in
-- person, EB405 for a personal access token: that is for one tenant, as long as it is active, and for what it was given.
create function ebb.person_of(credential bytea) returns table (person uuid, session uuid)
  language plpgsql stable security definer set search_path = ''
as $$
declare
  found_session record;
  found_key record;
begin
  select s.id, s.person_id, s.ended_at into found_session
    from public.sessions s join public.people p on p.id = s.person_id and p.expires_at > ebb.clock()
   where s.secret_hash = credential and s.expires_at > ebb.clock();
  if found then
    if found_session.ended_at <= ebb.clock() then raise exception 'ended session' using errcode = 'EB411'; end if;
    return query select found_session.person_id, found_session.id;
    return;
  end if;
  select c.kind, c.revoked_at, c.valid_until into found_key
    from public.credentials c
   where c.secret_hash = credential and c.kind in ('api-key', 'personal-access-token') and c.expires_at > ebb.clock();
  if not found then raise exception 'unknown credential' using errcode = 'EB401'; end if;
  if found_key.revoked_at <= ebb.clock() then raise exception 'revoked credential' using errcode = 'EB411'; end if;
  if found_key.valid_until <= ebb.clock() then raise exception 'expired credential' using errcode = 'EB410'; end if;
  if found_key.kind = 'api-key' then raise exception 'nobody in person' using errcode = 'EB404'; end if;
  raise exception 'takes a session' using errcode = 'EB405';
end
$$;
--> statement-breakpoint
alter function ebb.person_of(bytea) owner to ebb_maint;
--> statement-breakpoint
-- The one tenant to which a person belongs; null where there are none or several.
create function ebb.only_tenant(person uuid) returns uuid
  language sql stable security definer set search_path = ''
  return (
    select case when pg_catalog.count(*) = 1 then (pg_catalog.array_agg(m.tenant_id))[1] end
      from public.memberships m
     where m.person_id = only_tenant.person and m.removed_at is null and m.expires_at > ebb.clock()
  );
--> statement-breakpoint
alter function ebb.only_tenant(uuid) owner to ebb_maint;
--> statement-breakpoint
-- One audit entry of a tenant that a person has just joined, and so could not enter before.
create function ebb.audit_joining(person uuid, tenant uuid, action text, subject text, detail text, request_id text)
  returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  before text := coalesce(current_setting('ebb.context', true), '');
begin
  perform set_config('ebb.context', concat_ws('|', 'person', person, tenant, tenant, true,
    ebb.seal('person', person, tenant, tenant, true)), true);
  perform ebb.append_audit(uuidv7(), audit_joining.action, audit_joining.subject, audit_joining.detail,
    audit_joining.request_id);
  perform set_config('ebb.context', before, true);
end
$$;
--> statement-breakpoint
alter function ebb.audit_joining(uuid, uuid, text, text, text, text) owner to ebb_maint;
--> statement-breakpoint
-- A sign-in begins. `provider`: the name of one of the deployment's, or the uuid of a tenant's.
create function ebb.begin_sign_in(id uuid, state_hash bytea, provider text, issuer text, nonce text,
    code_verifier bytea, return_to text) returns void
  language sql security definer set search_path = ''
  begin atomic
    insert into public.login_states (id, state_hash, provider, issuer, nonce, code_verifier, return_to, issued_at)
      values (begin_sign_in.id, begin_sign_in.state_hash, begin_sign_in.provider, begin_sign_in.issuer,
              begin_sign_in.nonce, begin_sign_in.code_verifier, begin_sign_in.return_to, ebb.clock());
  end;
--> statement-breakpoint
alter function ebb.begin_sign_in(uuid, bytea, text, text, text, bytea, text) owner to ebb_maint;
--> statement-breakpoint
-- The sign-in with this state, once: of two answers at once the later finds nothing.
create function ebb.take_login_state(state_hash bytea)
  returns table (id uuid, provider text, issuer text, nonce text, code_verifier bytea, return_to text)
  language sql security definer set search_path = ''
  begin atomic
    update public.login_states s set used_at = ebb.clock()
     where s.state_hash = take_login_state.state_hash and s.used_at is null and s.expires_at > ebb.clock()
    returning s.id, s.provider, s.issuer, s.nonce, s.code_verifier, s.return_to;
  end;
--> statement-breakpoint
alter function ebb.take_login_state(bytea) owner to ebb_maint;
--> statement-breakpoint
-- A tenant's own provider, for the sign-in itself; no row where it was removed or its tenant is closed.
create function ebb.provider_for_sign_in(id uuid)
  returns table (tenant_id uuid, name text, issuer text, client_id text, client_secret bytea)
  language sql stable security definer set search_path = ''
  begin atomic
    select i.tenant_id, i.name, i.issuer, i.client_id, i.client_secret
      from public.identity_providers i
     where i.id = provider_for_sign_in.id and i.removed_at is null and i.expires_at > ebb.clock()
       and ebb.refused_for(i.tenant_id) is null;
  end;
--> statement-breakpoint
alter function ebb.provider_for_sign_in(uuid) owner to ebb_maint;
--> statement-breakpoint
-- The providers that a tenant offers to its own people. An unknown tenant has none, like any other without.
create function ebb.providers_of(tenant uuid) returns table (id uuid, name text)
  language sql stable security definer set search_path = ''
  begin atomic
    select i.id, i.name
      from public.identity_providers i
     where i.tenant_id = providers_of.tenant and i.removed_at is null and i.expires_at > ebb.clock()
       and ebb.refused_for(i.tenant_id) is null
     order by i.id;
  end;
--> statement-breakpoint
alter function ebb.providers_of(uuid) owner to ebb_maint;
--> statement-breakpoint
-- The tenant whose own provider a sign-in names; null for one of the deployment's.
create function ebb.provider_tenant(provider text, issuer text) returns uuid
  language plpgsql stable security definer set search_path = ''
as $$
declare
  tenant uuid;
begin
  if provider !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then return null; end if;
  select i.tenant_id into tenant from public.identity_providers i
   where i.id = provider::uuid and i.issuer = provider_tenant.issuer and i.removed_at is null
     and i.expires_at > ebb.clock();
  if not found then raise exception 'no such provider' using errcode = 'EB404'; end if;
  return tenant;
end
$$;
--> statement-breakpoint
alter function ebb.provider_tenant(text, text) owner to ebb_maint;
--> statement-breakpoint
-- A sign-in succeeds: the person (issuer, subject, tenant of the provider) is made or met, the browser's former session
-- ends, whoever's it was, and a new one begins. `state` is a sign-in that was taken within the last ten minutes: issuer
-- and provider are its own, and it begins one session at most. The person with `first_operator`'s address, verified by
-- one of the deployment's providers, becomes the platform's owner as long as it has had none: that address, like all that
-- the provider said, is the Worker's word, which nothing here can check. No row for a person who has expired and waits for
-- the purge: what was to be forgotten is not taken up again.
create function ebb.sign_in(state uuid, subject text, email text, email_verified boolean, name text,
    session_hash bytea, former bytea, first_operator text, place text, request_id text)
  returns table (person uuid)
  language plpgsql security definer set search_path = ''
as $$
declare
  login record;
  provider_tenant uuid;
  met uuid;
  platform uuid;
  membership uuid;
begin
  select s.id, s.provider, s.issuer, s.used_at into login
    from public.login_states s where s.id = state and s.used_at is not null and s.expires_at > ebb.clock()
     for update;
  if not found then raise exception 'no such sign-in' using errcode = 'EB404'; end if;
  -- Its session has the id of the sign-in, so that there is no second.
  if exists (select from public.sessions s where s.id = login.id) then
    raise exception 'signed in already' using errcode = 'EB404';
  end if;
  provider_tenant := ebb.provider_tenant(login.provider, login.issuer);
  insert into public.people as p (id, issuer, subject, provider_tenant_id, email, email_verified, name, created_at)
    values (uuidv7(), login.issuer, sign_in.subject, provider_tenant, sign_in.email, sign_in.email_verified,
            sign_in.name, ebb.clock())
    on conflict on constraint people_issuer_subject do update
      set email = excluded.email, email_verified = excluded.email_verified, name = excluded.name
      where p.expires_at > ebb.clock()
    returning p.id into met;
  if met is null then return; end if;
  -- Who belongs nowhere is forgotten like who has left: so long after the last sign-in.
  if not exists (select from public.memberships m where m.person_id = met and m.expires_at > ebb.clock()) then
    update public.people p set removed_at = ebb.clock(), closed_at = null where p.id = met;
  end if;
  update public.sessions s set ended_at = ebb.clock() where s.secret_hash = former and s.ended_at is null;
  insert into public.sessions (id, person_id, secret_hash, issued_at) values (login.id, met, session_hash, ebb.clock());
  if provider_tenant is null and sign_in.email_verified
     and pg_catalog.lower(sign_in.email) = pg_catalog.lower(first_operator) then
    -- Locked: of two at once the later sees the earlier's membership.
    select t.id into platform from public.tenants t
     where t.kind = 'platform' and t.closed_at is null and t.expires_at > ebb.clock()
     order by t.id limit 1 for update;
    if found and not exists (select from public.memberships m where m.tenant_id = platform and m.role = 'owner')
       and not exists (select from public.memberships m where m.tenant_id = platform and m.person_id = met
                          and m.removed_at is null) then
      membership := uuidv7();
      insert into public.memberships (id, tenant_id, person_id, role, created_at)
        values (membership, platform, met, 'owner', ebb.clock());
      perform ebb.audit_joining(met, platform, 'owner.named', ebb.typed_id('mem', membership),
        jsonb_build_object('role', 'owner')::text, request_id);
    end if;
  end if;
  perform ebb.record_event('sign-in', 'succeeded', coalesce(provider_tenant, ebb.only_tenant(met)), 'person', met, met,
    place, null, request_id);
  return query select met;
end
$$;
--> statement-breakpoint
alter function ebb.sign_in(uuid, text, text, boolean, text, bytea, bytea, text, text, text) owner to ebb_maint;
--> statement-breakpoint
-- A sign-in that somebody began fails. Without a genuine state nothing is recorded: nobody can fill the history.
create function ebb.refuse_sign_in(state uuid, reason text, place text, request_id text) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  login record;
  tenant uuid;
begin
  select s.provider, s.issuer into login from public.login_states s
   where s.id = state and s.used_at is not null and s.expires_at > ebb.clock();
  if not found or exists (select from public.sessions s where s.id = state) then return; end if;
  begin
    tenant := ebb.provider_tenant(login.provider, login.issuer);
  exception when sqlstate 'EB404' then tenant := null;
  end;
  perform ebb.record_event('sign-in', 'refused', tenant, null, null, null, place, reason, request_id);
end
$$;
--> statement-breakpoint
alter function ebb.refuse_sign_in(uuid, text, text, text) owner to ebb_maint;
--> statement-breakpoint
-- Who the credential's person is.
create function ebb.own_person(credential bytea)
  returns table (id uuid, issuer text, email text, email_verified boolean, name text, provider_tenant_id uuid,
                 created_at timestamptz, session_id uuid)
  language sql stable security definer set search_path = ''
  begin atomic
    select p.id, p.issuer, p.email, p.email_verified, p.name, p.provider_tenant_id, p.created_at, o.session
      from ebb.person_of(credential) o join public.people p on p.id = o.person;
  end;
--> statement-breakpoint
alter function ebb.own_person(bytea) owner to ebb_maint;
--> statement-breakpoint
-- The person's live sessions, newest first.
create function ebb.own_sessions(credential bytea)
  returns table (id uuid, issued_at timestamptz, expires_at timestamptz, is_current boolean)
  language sql stable security definer set search_path = ''
  begin atomic
    select s.id, s.issued_at, s.expires_at, s.id = o.session
      from ebb.person_of(credential) o join public.sessions s on s.person_id = o.person
     where s.ended_at is null and s.expires_at > ebb.clock()
     order by s.issued_at desc, s.id desc
     limit 200;
  end;
--> statement-breakpoint
alter function ebb.own_sessions(bytea) owner to ebb_maint;
--> statement-breakpoint
-- Ends one session of the person's, or all when `wanted` is null; returns how many. EB404 for one that is not theirs, or
-- has ended.
create function ebb.end_own_sessions(credential bytea, wanted uuid, place text, request_id text) returns integer
  language plpgsql security definer set search_path = ''
as $$
declare
  own record;
  ended integer;
begin
  select * into own from ebb.person_of(credential);
  update public.sessions s set ended_at = ebb.clock()
   where s.person_id = own.person and (wanted is null or s.id = wanted) and s.ended_at is null
     and s.expires_at > ebb.clock();
  get diagnostics ended = row_count;
  if ended = 0 then raise exception 'no such session' using errcode = 'EB404'; end if;
  perform ebb.record_event('sign-out', 'succeeded', ebb.only_tenant(own.person), 'person', own.person, own.person,
    place, null, request_id);
  return ended;
end
$$;
--> statement-breakpoint
alter function ebb.end_own_sessions(bytea, uuid, text, text) owner to ebb_maint;
--> statement-breakpoint
-- The person's own authentication history, newest first.
create function ebb.own_events(credential bytea, after uuid, page integer)
  returns table (id uuid, recorded_at timestamptz, event text, outcome text, place text, reason text)
  language sql stable security definer set search_path = ''
  begin atomic
    select e.id, e.recorded_at, e.event, e.outcome, e.place, e.reason
      from ebb.person_of(credential) o join public.authentication_events e on e.person_id = o.person
     where e.expires_at > ebb.clock() and (own_events.after is null or e.id < own_events.after)
     order by e.id desc
     limit least(page, 201);
  end;
--> statement-breakpoint
alter function ebb.own_events(bytea, uuid, integer) owner to ebb_maint;
--> statement-breakpoint
-- Where the person belongs and as what; of a reseller's client also under whose name, who is the data's controller.
create function ebb.own_tenants(credential bytea)
  returns table (id uuid, name text, kind text, status text, role text, since timestamptz, reseller text, logo_url text,
                 contact text, privacy_contact text)
  language sql stable security definer set search_path = ''
  begin atomic
    select t.id, t.name, t.kind, case when t.closed_at is null then t.status else 'closed' end, m.role, m.created_at,
           case when r.id is not null then coalesce(b.name, r.name) end, b.logo_url, b.contact, b.privacy_contact
      from ebb.person_of(credential) o
      join public.memberships m on m.person_id = o.person and m.removed_at is null and m.expires_at > ebb.clock()
      join public.tenants t on t.id = m.tenant_id and t.expires_at > ebb.clock()
      left join public.tenants r on t.kind = 'client' and r.id = t.parent_id and r.expires_at > ebb.clock()
      left join public.brands b on b.tenant_id = r.id and b.removed_at is null and b.expires_at > ebb.clock()
     order by m.created_at, m.id
     limit 200;
  end;
--> statement-breakpoint
alter function ebb.own_tenants(bytea) owner to ebb_maint;
--> statement-breakpoint
-- What whoever holds an invitation's token is invited to; no row for an unknown one.
create function ebb.invitation_of(token_hash bytea) returns table (tenant_name text, role text, state text)
  language sql stable security definer set search_path = ''
  begin atomic
    select t.name, i.role,
           case when i.accepted_at is not null or i.revoked_at is not null then 'used'
                when i.valid_until <= ebb.clock() then 'expired' else 'open' end
      from public.invitations i join public.tenants t on t.id = i.tenant_id and t.expires_at > ebb.clock()
     where i.secret_hash = token_hash and i.expires_at > ebb.clock();
  end;
--> statement-breakpoint
alter function ebb.invitation_of(bytea) owner to ebb_maint;
--> statement-breakpoint
-- The session's person accepts an invitation: once, and only with its address, verified by a provider that is trusted for
-- it. EB404 unknown token, EB418 another address, EB417 used, withdrawn, or by somebody who may not give that role any
-- more, EB416 expired, EB403 and EB413 tenant suspended or closed, EB408 a member already. Whoever accepted it is told the
-- same again. Returns the gates that are to hear of it.
create function ebb.accept_invitation(credential bytea, token_hash bytea, request_id text)
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
  select i.id, i.tenant_id, i.email, i.role, i.invited_by, i.accepted_at, i.revoked_at, i.valid_until, t.name into invited
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
    insert into public.memberships (id, tenant_id, person_id, role, created_at)
      values (made, invited.tenant_id, own.id, invited.role, ebb.clock());
  exception when unique_violation then raise exception 'a member already' using errcode = 'EB408';
  end;
  update public.invitations i set accepted_at = ebb.clock() where i.id = invited.id;
  told := ebb.access_changed(invited.tenant_id, own.id);
  perform ebb.audit_joining(own.id, invited.tenant_id, 'invitation.accepted', ebb.typed_id('inv', invited.id),
    jsonb_build_object('membership', ebb.typed_id('mem', made), 'role', invited.role)::text, request_id);
  return query select invited.id, invited.tenant_id, invited.name, made, invited.role, told;
end
$$;
--> statement-breakpoint
alter function ebb.accept_invitation(bytea, bytea, text) owner to ebb_maint;
--> statement-breakpoint
-- When a mail that was tried so many times is tried again, from when it was written; null: no more.
create function ebb.mail_pause(attempts integer) returns interval
  language sql immutable parallel safe set search_path = ''
  return (array['0', '2 minutes', '10 minutes', '1 hour', '4 hours', '12 hours', '24 hours', '48 hours'])[attempts + 1]::interval;
--> statement-breakpoint
alter function ebb.mail_pause(integer) owner to ebb_maint;
--> statement-breakpoint
-- Mail whose time has come, counted as tried before it is: of two senders one gets it, and one that dies costs an
-- attempt, not a second copy. An attempt that was due long ago counts for those missed, so that no two follow at once.
-- An invitation that was withdrawn or accepted since is not sent.
-- `secret_hash`: by which the sender knows with which key the invitation's token was made.
create function ebb.claim_mail(most integer)
  returns table (id uuid, recipient text, template text, parameters jsonb, secret_hash bytea)
  language sql security definer set search_path = ''
  begin atomic
    update public.mail_outbox o
       set attempts = greatest(o.attempts + 1, (
             select coalesce(pg_catalog.min(n), 8) from pg_catalog.generate_series(1, 7) n
              where o.recorded_at + ebb.mail_pause(n) > ebb.clock()))
     where o.id in (
             select d.id from public.mail_outbox d
              where d.sent_at is null and d.expires_at > ebb.clock()
                and d.recorded_at + ebb.mail_pause(d.attempts) <= ebb.clock()
                and not exists (select from public.invitations i
                                 where d.parameters ->> 'invitation_id' = ebb.typed_id('inv', i.id)
                                   and i.tenant_id = d.tenant_id
                                   and (i.revoked_at is not null or i.accepted_at is not null))
              order by d.recorded_at limit least(most, 100)
                for update skip locked)
    returning o.id, o.recipient, o.template, o.parameters,
              (select i.secret_hash from public.invitations i
                where i.tenant_id = o.tenant_id and o.parameters ->> 'invitation_id' = ebb.typed_id('inv', i.id));
  end;
--> statement-breakpoint
alter function ebb.claim_mail(integer) owner to ebb_maint;
--> statement-breakpoint
create function ebb.mail_sent(id uuid) returns void
  language sql security definer set search_path = ''
  begin atomic
    update public.mail_outbox o set sent_at = ebb.clock() where o.id = mail_sent.id and o.sent_at is null;
  end;
--> statement-breakpoint
alter function ebb.mail_sent(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Ends the sessions and personal access tokens of those for whom a removed provider of the tenant opened has vouched, and
-- has the gates refuse those tokens. Returns how many of each, and the gates.
create function ebb.end_provider_sessions(provider uuid) returns table (ended integer, revoked integer, gates text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  removed record;
begin
  select i.tenant_id, i.issuer into removed from public.identity_providers i
   where i.id = provider and i.tenant_id = ebb.tenant() and i.removed_at is not null;
  if not found then raise exception 'no such provider' using errcode = 'EB404'; end if;
  update public.sessions s set ended_at = ebb.clock()
    from public.people p
   where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and s.person_id = p.id
     and s.ended_at is null;
  get diagnostics ended = row_count;
  with stopped as (
    update public.credentials c set revoked_at = ebb.clock()
      from public.people p
     where p.provider_tenant_id = removed.tenant_id and p.issuer = removed.issuer and c.person_id = p.id
       and c.kind = 'personal-access-token' and c.revoked_at is null
    returning c.tenant_id, c.secret_hash, c.revoked_at),
  told as (
    insert into public.outbox (tenant_id, gate_id, message, recorded_at)
      select t.id, t.gate_id, jsonb_build_object(
               'kind', 'revoked',
               'subject', jsonb_build_object('kind', 'key', 'id', encode(stopped.secret_hash, 'hex')),
               'reason', 'key-revoked',
               'issuedBeforeMs', null,
               'untilMs', floor(extract(epoch from ebb.expiry(stopped.revoked_at, interval '90 days')) * 1000)),
             ebb.clock()
        from stopped join public.tenants t on t.id = stopped.tenant_id
    returning gate_id)
  select count(*), coalesce(array_agg(distinct told.gate_id), '{}') into revoked, gates from told;
  return next;
end
$$;
--> statement-breakpoint
alter function ebb.end_provider_sessions(uuid) owner to ebb_maint;
