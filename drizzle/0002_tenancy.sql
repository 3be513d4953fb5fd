-- Entering a tenant. A transaction proves its credential once, in SQL; policies then ask ebb.tenant(), which believes
-- only a context that carries a MAC over (actor, target, backend, transaction). A raw set_config opens nothing.
-- New objects only: locks nothing that is in use.

-- The MAC's key, as the two padded blocks of HMAC (RFC 2104). No role but the owner of the functions can read it.
create table ebb.context_key (
  inner_pad bytea not null,
  outer_pad bytea not null
);
--> statement-breakpoint
do $$
declare
  key bytea := '';
  inner_pad bytea;
  outer_pad bytea;
begin
  for i in 1..4 loop key := key || sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())); end loop;
  key := sha256(key) || decode(repeat('00', 32), 'hex');
  inner_pad := key;
  outer_pad := key;
  for i in 0..63 loop
    inner_pad := set_byte(inner_pad, i, get_byte(key, i) # 54);  -- 0x36
    outer_pad := set_byte(outer_pad, i, get_byte(key, i) # 92);  -- 0x5c
  end loop;
  insert into ebb.context_key values (inner_pad, outer_pad);
end
$$;
--> statement-breakpoint
alter table ebb.context_key owner to ebb_maint;
--> statement-breakpoint
revoke all on ebb.context_key from public;
--> statement-breakpoint
create function ebb.seal(actor_kind text, actor_id uuid, actor_tenant uuid, target uuid) returns text
  language sql stable parallel restricted security definer set search_path = ''
  return (
    select pg_catalog.encode(
      pg_catalog.sha256(k.outer_pad || pg_catalog.sha256(k.inner_pad || pg_catalog.convert_to(
        pg_catalog.concat_ws('|', actor_kind, actor_id, actor_tenant, target, pg_catalog.pg_backend_pid(),
          extract(epoch from pg_catalog.transaction_timestamp())), 'UTF8'))), 'hex')
    from ebb.context_key k
  );
--> statement-breakpoint
alter function ebb.seal(text, uuid, uuid, uuid) owner to ebb_maint;
--> statement-breakpoint
-- The verified context of this transaction, or no row.
create function ebb.context() returns table (actor_kind text, actor_id uuid, actor_tenant uuid, target uuid)
  language plpgsql stable parallel restricted security definer set search_path = ''
as $$
declare
  part text[] := string_to_array(nullif(current_setting('ebb.context', true), ''), '|');
begin
  if part is null or cardinality(part) <> 5 or part[5] is null then return; end if;
  if part[5] <> ebb.seal(part[1], part[2]::uuid, part[3]::uuid, part[4]::uuid) then return; end if;
  return query select part[1], part[2]::uuid, part[3]::uuid, part[4]::uuid;
exception when invalid_text_representation then return;
end
$$;
--> statement-breakpoint
alter function ebb.context() owner to ebb_maint;
--> statement-breakpoint
-- The tenant that this transaction has entered; null where it has not. Policies call it as (select ebb.tenant()).
create function ebb.tenant() returns uuid
  language sql stable parallel restricted security definer set search_path = ''
  return (select c.target from ebb.context() c);
--> statement-breakpoint
alter function ebb.tenant() owner to ebb_maint;
--> statement-breakpoint
-- Proves the credential with this SHA-256 and enters `target` (its own tenant when null) for this transaction. Refusals
-- are exceptions whose SQLSTATE says why; only those after the hash was found tell more than "unknown":
-- EB401 unknown, EB410 expired, EB411 revoked, EB412 used up, EB403 suspended, EB404 a target that is not below.
create function ebb.enter(credential bytea, target uuid default null)
  returns table (actor_kind text, actor_id uuid, actor_tenant uuid, tenant_id uuid, gate_id text,
                 workspace_id uuid, permissions text[])
  language plpgsql security definer set search_path = ''
as $$
declare
  actor record;
  entered record;
begin
  select c.kind, c.id, c.tenant_id, c.valid_until, c.revoked_at, null::timestamptz as used_up_at,
         null::uuid as workspace_id, c.permissions
    into actor
    from public.credentials c
   where c.secret_hash = credential and c.kind = 'api-key' and c.expires_at > ebb.clock();
  if not found then
    select 'registration-key' as kind, k.id, k.tenant_id, k.valid_until, k.revoked_at, k.used_up_at,
           k.workspace_id, array['instances:register'] as permissions
      into actor
      from public.registration_keys k
     where k.secret_hash = credential and k.expires_at > ebb.clock();
    if not found then raise exception 'unknown credential' using errcode = 'EB401'; end if;
  end if;
  if actor.revoked_at <= ebb.clock() then raise exception 'revoked credential' using errcode = 'EB411'; end if;
  if actor.valid_until <= ebb.clock() then raise exception 'expired credential' using errcode = 'EB410'; end if;
  if actor.used_up_at is not null then raise exception 'used credential' using errcode = 'EB412'; end if;
  select t.id, t.gate_id into entered
    from public.tenants t
   where t.id = coalesce(enter.target, actor.tenant_id)
     and actor.tenant_id = any (t.path)
     and t.expires_at > ebb.clock();
  if not found then raise exception 'no such target' using errcode = 'EB404'; end if;
  if exists (
    select from public.tenants t
      join public.tenants own on t.id = any (own.path)
     where own.id = actor.tenant_id and (t.status <> 'active' or t.expires_at <= ebb.clock())
  ) then
    raise exception 'suspended' using errcode = 'EB403';
  end if;
  perform set_config('ebb.context', concat_ws('|', actor.kind, actor.id, actor.tenant_id, entered.id,
    ebb.seal(actor.kind, actor.id, actor.tenant_id, entered.id)), true);
  return query select actor.kind, actor.id, actor.tenant_id, entered.id, entered.gate_id, actor.workspace_id,
    actor.permissions;
end
$$;
--> statement-breakpoint
alter function ebb.enter(bytea, uuid) owner to ebb_maint;
--> statement-breakpoint
-- Appends to the audit of the tenant entered, in the transaction of the change itself; the only way to write there.
create function ebb.append_audit(id uuid, action text, subject text, detail text, request_id text) returns void
  language plpgsql security definer set search_path = ''
as $$
declare
  context record;
begin
  select * into context from ebb.context();
  if not found then raise exception 'no tenant entered' using errcode = 'EB404'; end if;
  insert into public.audit_entries
    (id, tenant_id, recorded_at, actor_kind, actor_id, action, subject, detail, request_id, expires_at)
  values (append_audit.id, context.target, ebb.clock(), context.actor_kind, context.actor_id, append_audit.action,
    append_audit.subject, append_audit.detail, append_audit.request_id, ebb.audit_entries_expiry(ebb.clock()));
end
$$;
--> statement-breakpoint
alter function ebb.append_audit(uuid, text, text, text, text) owner to ebb_maint;
