/**
 * A person is kept for as long as some membership is: whose last one is forgotten is kept no longer than it was, and
 * whoever comes again before being forgotten stays. Their sessions end as they do where a closed account ends them. Only
 * the triggers made here write a person's ends, and lock the person first: of two at once the later sees the earlier. Whom a
 * tenant's own provider vouches for belongs to that tenant alone.
 */
export function personEndFunctions(): string[] {
  const functions = {
    membership_gone:
      "declare closed timestamptz := (select t.closed_at from public.tenants t where t.id = old.tenant_id); begin perform from public.people p where p.id = old.person_id for no key update; if exists (select from public.memberships m where m.person_id = old.person_id) then return null; end if; update public.people p set removed_at = coalesce(least(old.removed_at, old.subscription_ended_at), ebb.clock()), closed_at = closed where p.id = old.person_id; update public.sessions s set closed_at = closed where s.person_id = old.person_id and closed is not null; return null; end",
    membership_come:
      "begin perform from public.people p where p.id = new.person_id for no key update; if exists (select from public.people p where p.id = new.person_id and p.provider_tenant_id <> new.tenant_id) then raise exception 'another tenant vouches for this person' using errcode = 'EB405'; end if; update public.people p set removed_at = null, closed_at = null where p.id = new.person_id and (p.removed_at is not null or p.closed_at is not null); update public.sessions s set closed_at = null where s.person_id = new.person_id and s.closed_at is not null; return null; end",
  };
  return [
    ...Object.entries(functions).flatMap(([name, body]) => [
      `create or replace function ebb.${name}() returns trigger language plpgsql security definer set search_path = '' as $$ ${body} $$`,
      `alter function ebb.${name}() owner to ebb_maint`,
    ]),
    "create or replace trigger memberships_gone after delete on public.memberships for each row execute function ebb.membership_gone()",
    "create or replace trigger memberships_come after insert on public.memberships for each row execute function ebb.membership_come()",
  ];
}
