-- People and roles of a tenant, invitations, and refusals as authentication events. New functions only: locks nothing
-- that is in use. All of them take who asks from ebb.entered(), and change nothing of a tenant that was not opened.

-- Refuses whoever may not manage people; nor owners and operators, where one of these roles is among those given or
-- taken. EB405.
create function ebb.assert_manages(roles text[]) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if not (ebb.tenant() is not null and ebb.may('members:write'))
     or (roles && array['owner', 'operator'] and not ebb.may('owners:write')) then
    raise exception 'not permitted' using errcode = 'EB405';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_manages(text[]) owner to ebb_maint;
--> statement-breakpoint
-- Refuses a role that cannot be had in the tenant entered: EB405 for an operator of anything but the platform.
create function ebb.assert_role_exists(role text) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if role is null or role not in ('owner', 'admin', 'member', 'operator') then
    raise exception 'no such role' using errcode = '22023';
  end if;
  if role = 'operator' and not exists (select from public.tenants t where t.id = ebb.tenant() and t.kind = 'platform') then
    raise exception 'operators are of the platform' using errcode = 'EB405';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_role_exists(text) owner to ebb_maint;
--> statement-breakpoint
-- One change of people at a time in the tenant entered, so that two owners who leave at once do not both see the other.
create function ebb.lock_members() returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  if ebb.tenant() is null then raise exception 'no tenant opened' using errcode = 'EB404'; end if;
  perform pg_advisory_xact_lock(hashtext('ebb.members'), hashtext(ebb.tenant()::text));
end
$$;
--> statement-breakpoint
alter function ebb.lock_members() owner to ebb_maint;
--> statement-breakpoint
-- A live membership of the tenant entered: EB404 where there is none.
create function ebb.member(id uuid) returns public.memberships
  language plpgsql stable security definer set search_path = ''
as $$
declare
  found_member public.memberships;
begin
  select * into found_member from public.memberships m
   where m.id = member.id and m.tenant_id = ebb.tenant() and m.removed_at is null and m.expires_at > ebb.clock();
  if not found then raise exception 'no such member' using errcode = 'EB404'; end if;
  return found_member;
end
$$;
--> statement-breakpoint
alter function ebb.member(uuid) owner to ebb_maint;
--> statement-breakpoint
-- A tenant that has owners keeps one: EB415 where nobody but this member is one.
create function ebb.assert_owner_remains(without uuid) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if not exists (select from public.memberships m
                  where m.tenant_id = ebb.tenant() and m.role = 'owner' and m.id <> without
                    and m.removed_at is null and m.expires_at > ebb.clock()) then
    raise exception 'the last owner' using errcode = 'EB415';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_owner_remains(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Who may do what in the tenant has changed for this person: its workspaces say so, and the gates forget what they know of
-- keys, that of the tenant and those of tenants below in which the person has any. Returns the gates.
create function ebb.access_changed(tenant uuid, person uuid) returns text[]
  language plpgsql security definer set search_path = ''
as $$
declare
  gates text[];
begin
  update public.workspaces w set generation = w.generation + 1
   where w.tenant_id = access_changed.tenant and w.removed_at is null;
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
  select array_agg(told.gate_id) into gates from told;
  return coalesce(gates, '{}');
end
$$;
--> statement-breakpoint
alter function ebb.access_changed(uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Ends the personal access tokens of a person in a tenant and in those below it where the person is nothing any more,
-- and has the gate of each refuse them.
create function ebb.end_tokens(tenant uuid, person uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  with ended as (
    update public.credentials c set revoked_at = ebb.clock()
     where c.person_id = end_tokens.person and c.kind = 'personal-access-token' and c.revoked_at is null
       and c.tenant_id in (select t.id from public.tenants t where t.path @> array[end_tokens.tenant])
       and not exists (select from ebb.role_in(c.person_id, c.tenant_id) r where r.role is not null)
    returning c.tenant_id, c.secret_hash, c.revoked_at)
  insert into public.outbox (tenant_id, gate_id, message, recorded_at)
    select t.id, t.gate_id, jsonb_build_object(
             'kind', 'revoked',
             'subject', jsonb_build_object('kind', 'key', 'id', encode(ended.secret_hash, 'hex')),
             'reason', 'key-revoked',
             'issuedBeforeMs', null,
             'untilMs', floor(extract(epoch from ebb.expiry(ended.revoked_at, interval '90 days')) * 1000)),
           ebb.clock()
      from ended join public.tenants t on t.id = ended.tenant_id;
end
$$;
--> statement-breakpoint
alter function ebb.end_tokens(uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Gives a member another role. EB405 not permitted, EB404 no such member, EB415 the last owner.
create function ebb.change_role(member uuid, role text) returns table (person_id uuid, previous text, gates text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  changing public.memberships;
begin
  perform ebb.lock_members();
  perform ebb.assert_manages('{}');
  changing := ebb.member(change_role.member);
  perform ebb.assert_role_exists(change_role.role);
  perform ebb.assert_manages(array[changing.role, change_role.role]);
  if changing.role = 'owner' and change_role.role <> 'owner' then perform ebb.assert_owner_remains(changing.id); end if;
  update public.memberships m set role = change_role.role where m.id = changing.id;
  return query select changing.person_id, changing.role,
    case when changing.role = change_role.role then '{}' else ebb.access_changed(changing.tenant_id, changing.person_id) end;
end
$$;
--> statement-breakpoint
alter function ebb.change_role(uuid, text) owner to ebb_maint;
--> statement-breakpoint
-- Ends a membership; in person anybody ends their own. EB405, EB404, EB415 as above.
create function ebb.remove_member(member uuid) returns table (person_id uuid, previous text, gates text[])
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
  return query select leaving.person_id, leaving.role, ebb.access_changed(leaving.tenant_id, leaving.person_id);
end
$$;
--> statement-breakpoint
alter function ebb.remove_member(uuid) owner to ebb_maint;
--> statement-breakpoint
-- An owner, in person, becomes an admin and this member the owner instead. EB404 no such member, EB405 not an owner of
-- this very tenant in person, EB408 to oneself.
create function ebb.transfer_ownership(member uuid) returns table (person_id uuid, previous text, gates text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  heir public.memberships;
  giver public.memberships;
begin
  perform ebb.lock_members();
  perform ebb.assert_manages(array['owner']);
  heir := ebb.member(transfer_ownership.member);
  select m.* into giver
    from ebb.entered() e join public.memberships m on m.person_id = e.actor_id and m.tenant_id = e.target
   where e.actor_kind = 'person' and m.role = 'owner' and m.removed_at is null and m.expires_at > ebb.clock();
  if not found then raise exception 'not an owner in person' using errcode = 'EB405'; end if;
  if giver.id = heir.id then raise exception 'to oneself' using errcode = 'EB408'; end if;
  update public.memberships m set role = case when m.id = heir.id then 'owner' else 'admin' end
   where m.id in (heir.id, giver.id);
  return query select heir.person_id, heir.role,
    ebb.access_changed(heir.tenant_id, heir.person_id) || ebb.access_changed(giver.tenant_id, giver.person_id);
end
$$;
--> statement-breakpoint
alter function ebb.transfer_ownership(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Who this transaction was entered as, or whose key or token that is; null for what is nobody's in particular.
create function ebb.acting_person() returns uuid
  language sql stable security definer set search_path = ''
  begin atomic
    select case when e.actor_kind = 'person' then e.actor_id else c.person_id end
      from ebb.entered() e left join public.credentials c on c.id = e.actor_id;
  end;
--> statement-breakpoint
alter function ebb.acting_person() owner to ebb_maint;
--> statement-breakpoint
-- EB419 where an address has had five of the tenant's invitations in a day: nobody is flooded through us.
create function ebb.assert_may_mail(email text) returns void
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if (select count(*) from public.mail_outbox o
       where o.tenant_id = ebb.tenant() and o.recipient = assert_may_mail.email and o.template = 'invitation'
         and o.recorded_at > ebb.clock() - interval '1 day') >= 5 then
    raise exception 'too many mails' using errcode = 'EB419';
  end if;
end
$$;
--> statement-breakpoint
alter function ebb.assert_may_mail(text) owner to ebb_maint;
--> statement-breakpoint
-- Invites an address for seven days, in place of an open invitation of the same address, whose id it returns. Says nothing
-- of whose address that is. EB405 not permitted, EB419 100 are open or the address has had five mails today.
create function ebb.invite(id uuid, email text, role text, secret_hash bytea)
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
  insert into public.invitations (id, tenant_id, email, role, secret_hash, invited_by, created_at, valid_until)
    values (invite.id, ebb.tenant(), address, invite.role, invite.secret_hash, ebb.acting_person(), ebb.clock(), until);
  return query select until, former.id, ebb.acting_person();
end
$$;
--> statement-breakpoint
alter function ebb.invite(uuid, text, text, bytea) owner to ebb_maint;
--> statement-breakpoint
-- An open invitation of the tenant entered that who asks may manage, locked against being accepted meanwhile. EB405,
-- EB404, EB417 accepted or withdrawn, EB416 expired.
create function ebb.open_invitation(id uuid) returns public.invitations
  language plpgsql security definer set search_path = ''
as $$
declare
  invited public.invitations;
begin
  perform ebb.lock_members();
  perform ebb.assert_manages('{}');
  select i.* into invited from public.invitations i
   where i.id = open_invitation.id and i.tenant_id = ebb.tenant() and i.expires_at > ebb.clock() for update;
  if not found then raise exception 'no such invitation' using errcode = 'EB404'; end if;
  perform ebb.assert_manages(array[invited.role]);
  if invited.accepted_at is not null or invited.revoked_at is not null then
    raise exception 'used' using errcode = 'EB417';
  end if;
  if invited.valid_until <= ebb.clock() then raise exception 'expired' using errcode = 'EB416'; end if;
  return invited;
end
$$;
--> statement-breakpoint
alter function ebb.open_invitation(uuid) owner to ebb_maint;
--> statement-breakpoint
create function ebb.withdraw_invitation(id uuid) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  invited public.invitations := ebb.open_invitation(withdraw_invitation.id);
begin
  update public.invitations i set revoked_at = ebb.clock() where i.id = invited.id;
end
$$;
--> statement-breakpoint
alter function ebb.withdraw_invitation(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Has an open invitation hold for seven days from now. EB419 as ebb.invite.
create function ebb.renew_invitation(id uuid)
  returns table (email text, role text, valid_until timestamptz, invited_by uuid)
  language plpgsql security definer set search_path = ''
as $$
declare
  invited public.invitations := ebb.open_invitation(renew_invitation.id);
  until timestamptz := ebb.clock() + interval '7 days';
begin
  perform ebb.assert_may_mail(invited.email);
  -- Whoever sends it again answers for it from now on.
  update public.invitations i set valid_until = until, invited_by = ebb.acting_person() where i.id = invited.id;
  return query select invited.email, invited.role, until, ebb.acting_person();
end
$$;
--> statement-breakpoint
alter function ebb.renew_invitation(uuid) owner to ebb_maint;
--> statement-breakpoint
-- Records that a genuine key, token or session was refused, once per actor, reason and hour: its id follows from these, and
-- is of that hour, so that events still sort by their ids. Nothing for a hash that is nobody's, nor for another reason.
create function ebb.note_refusal(credential bytea, reason text, place text, request_id text) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  actor record;
  hour timestamptz := date_trunc('hour', ebb.clock(), 'UTC');
begin
  if reason is null or reason not in ('key-expired', 'key-revoked', 'forbidden', 'not-accepted-here', 'tenant-suspended',
                                      'tenant-closed', 'cross-site') then
    return;
  end if;
  select c.kind, c.id, c.tenant_id, c.person_id into actor
    from public.credentials c
   where c.secret_hash = credential and c.kind in ('api-key', 'personal-access-token') and c.expires_at > ebb.clock();
  if not found then
    -- A person's event is the tenant's where there is but one that it can be.
    select 'person' as kind, s.person_id as id, s.person_id,
           (select case when count(*) = 1 then (array_agg(m.tenant_id))[1] end from public.memberships m
             where m.person_id = s.person_id and m.removed_at is null and m.expires_at > ebb.clock()) as tenant_id
      into actor
      from public.sessions s where s.secret_hash = credential and s.expires_at > ebb.clock();
    if not found then return; end if;
  end if;
  insert into public.authentication_events
      (id, tenant_id, recorded_at, event, outcome, actor_kind, actor_id, person_id, place, reason, request_id, expires_at)
    values (
      encode(substr(int8send((extract(epoch from hour) * 1000)::bigint), 3)
        || substr(sha256(convert_to(concat_ws('|', actor.kind, actor.id, note_refusal.reason, extract(epoch from hour)), 'UTF8')), 1, 10),
        'hex')::uuid,
      actor.tenant_id, hour, 'request', 'refused', actor.kind, actor.id, actor.person_id,
      case when note_refusal.place ~ '^[A-Z][A-Z0-9]$' and note_refusal.place <> 'XX' then note_refusal.place end, note_refusal.reason,
      case when note_refusal.request_id ~ '^req_[0-9A-Z]{26}$' then note_refusal.request_id else '' end,
      ebb.authentication_events_expiry(hour))
    on conflict do nothing;
end
$$;
--> statement-breakpoint
alter function ebb.note_refusal(bytea, text, text, text) owner to ebb_maint;
