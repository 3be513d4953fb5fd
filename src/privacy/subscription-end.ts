import type { DeclaredTable } from "./inventory.ts";

/** The column that says when a tenant's last subscription ended. Only the trigger made here writes it. */
const COLUMN = "subscription_ended_at";

function isStamped({ table, columns }: DeclaredTable): boolean {
  return table !== "tenants" && Object.hasOwn(columns, COLUMN);
}

/**
 * Rows kept until their tenant's subscription ends get that instant when its last subscription ends, and lose it when
 * one runs again. The tenant's own row remembers it for rows that come later, after the subscription itself is purged.
 *
 * Whoever inserts such a row locks the tenant FOR SHARE: an end that is being set waits for it, or it for that end, so
 * that no row slips through between the two.
 */
export function subscriptionEndFunctions(tables: readonly DeclaredTable[]): string[] {
  const stamps = tables
    .filter(isStamped)
    .map(({ table }) => `update public.${table} set ${COLUMN} = ended where tenant_id = new.tenant_id;`);
  const functions = {
    subscription_end: `declare ended timestamptz; before timestamptz; begin select t.${COLUMN} into before from public.tenants t where t.id = new.tenant_id for no key update; select case when bool_and(s.ended_at is not null) then max(s.ended_at) end into ended from public.subscriptions s where s.tenant_id = new.tenant_id; if ended is not distinct from before then return null; end if; update public.tenants set ${COLUMN} = ended where id = new.tenant_id; ${stamps.join(" ")} return null; end`,
    subscription_anchor: `begin select t.${COLUMN} into new.${COLUMN} from public.tenants t where t.id = new.tenant_id for share; return new; end`,
  };
  return [
    ...Object.entries(functions).flatMap(([name, body]) => [
      `create or replace function ebb.${name}() returns trigger language plpgsql security definer set search_path = '' as $$ ${body} $$`,
      `alter function ebb.${name}() owner to ebb_maint`,
    ]),
    "create or replace trigger subscriptions_end after insert or update of ended_at on public.subscriptions for each row execute function ebb.subscription_end()",
  ];
}

/** Fires before the trigger that computes `expires_at`: triggers fire in the order of their names. */
export function anchorTriggerSql(table: DeclaredTable): string[] {
  if (!isStamped(table)) return [];
  return [
    `create or replace trigger ${table.table}_anchor before insert on public.${table.table} for each row execute function ebb.subscription_anchor()`,
  ];
}
