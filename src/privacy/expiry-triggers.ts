import { anchorColumn, endsWithTenant, varies } from "./conditions.ts";
import { TRANSFORMATIONS } from "./declaration.ts";
import type { DeclaredTable } from "./inventory.ts";
import { intervalSql, SCHEDULE } from "./schedule.ts";

/** The expression, over `new.`, from which a row of this table is kept. */
function anchorSql(table: DeclaredTable): string {
  if (table.anchor.at === "bucket") {
    return `date_trunc('${table.anchor.granularity}', new.${table.anchor.column}, 'UTC')`;
  }
  const columns = table.anchor.columns.map((column) => `new.${column}`);
  return columns.length === 1 ? (columns[0] as string) : `least(${columns.join(", ")})`;
}

/** When a row expires by its own window, or by that of the end beside it. */
function expirySql(table: DeclaredTable): string {
  const own = `ebb.expiry(${anchorSql(table)}, ${intervalSql(SCHEDULE[table.retention].window)})`;
  if (table.alsoEnds === undefined) return own;
  const { column, retention } = table.alsoEnds;
  return `least(${own}, ebb.expiry(new.${column}, ${intervalSql(SCHEDULE[retention].window)}))`;
}

/**
 * An end that has come stays, and comes now: whoever serves requests can neither undo a removal nor put it off, and so
 * cannot keep a row longer than the schedule says.
 */
function endsOnce(table: DeclaredTable): string {
  const columns = table.anchor.at === "column" ? table.anchor.columns : [];
  const updatable = (table.access.ebb_app ?? []).flatMap((access) =>
    access.command === "update" ? (access.columns ?? []) : [],
  );
  return columns
    .filter((column) => updatable.includes(column))
    .map(
      (column) =>
        `if tg_op = 'UPDATE' and current_user = 'ebb_app' and new.${column} is distinct from old.${column} and (old.${column} is not null or new.${column} > ebb.clock() + interval '5 minutes') then raise exception 'an end is set once' using errcode = 'EB002'; end if; `,
    )
    .join("");
}

/** Of a class with varying windows any that its tenant has had will do, as long as it is none too short. */
function verified(table: DeclaredTable): string {
  const refuse = "raise exception 'expires_at is not what the schedule says' using errcode = 'EB001'; end if;";
  if (!varies(table)) return `if new.expires_at is distinct from ${expirySql(table)} then ${refuse}`;
  return `if not ebb.is_stamp('${table.retention}', new.tenant_id, ${anchorSql(table)}, new.expires_at) then ${refuse}`;
}

/** State tables have `expires_at` set for them; a partition key cannot be set by a trigger, so there it is verified. */
export function expiryTriggerSql(table: DeclaredTable): string[] {
  const kept = intervalSql(SCHEDULE[table.retention].window);
  const name = `ebb.${table.table}_expires_at`;
  const state = table.layout.kind === "state";
  const body = state ? `${endsOnce(table)}new.expires_at := ${expirySql(table)};` : verified(table);
  return [
    `create or replace function ${name}() returns trigger language plpgsql set search_path = '' as $$ begin ${body} return new; end $$`,
    `create or replace trigger ${table.table}_expires_at before ${state ? "insert or update" : "insert"} on public.${table.table} for each row execute function ${name}()`,
    ...(state
      ? []
      : [
          `create or replace function ebb.${table.table}_expiry(anchor timestamptz) returns timestamptz language sql immutable parallel safe return ebb.expiry(anchor, ${kept})`,
          `alter function ebb.${table.table}_expiry(timestamptz) owner to ebb_maint`,
          // Attaching a partition clones the trigger, which takes the right to execute its function.
          `alter function ${name}() owner to ebb_maint`,
        ]),
  ];
}

/**
 * Whoever says that a row is anonymised has it so: what becomes of its columns stands here and not with the purge. A row
 * that comes late is anonymised as it comes, and what is anonymised once takes no value again.
 */
export function anonymiseTriggerSql(table: DeclaredTable): string[] {
  const { anonymiseAfter } = SCHEDULE[table.retention];
  if (anonymiseAfter === null || table.anonymise === undefined) return [];
  const name = `ebb.${table.table}_anonymise`;
  const changes = Object.entries(table.anonymise).map(([column, transformation]) =>
    transformation === undefined ? "" : `new.${column} := ${TRANSFORMATIONS[transformation](`new.${column}`)}; `,
  );
  const late = `tg_op = 'INSERT' and ebb.expiry(new.${anchorColumn(table)}, ${intervalSql(anonymiseAfter)}) <= ebb.clock()`;
  return [
    `create or replace function ${name}() returns trigger language plpgsql set search_path = '' as $$ begin if tg_op = 'UPDATE' then new.anonymised_at := coalesce(old.anonymised_at, new.anonymised_at); end if; if ${late} then new.anonymised_at := ebb.clock(); end if; if new.anonymised_at is not null then ${changes.join("")}end if; return new; end $$`,
    `create or replace trigger ${table.table}_anonymise before insert or update on public.${table.table} for each row execute function ${name}()`,
    `alter function ${name}() owner to ebb_maint`,
  ];
}

/** Events are stored for live instances; what else a gate brings late must not bring a tenant back that is gone. */
function comesLate(table: DeclaredTable): boolean {
  const brought = (table.access.ebb_ingest ?? []).some(({ command }) => command === "insert");
  return brought && table.layout.kind === "state" && endsWithTenant(table);
}

/**
 * The row of a closed tenant is what says that its rows must go, and that of any tenant names its gate: while one of its
 * rows or anything in its gate is left, it stays. The error is that of a reference, so that whoever deletes treats it as
 * one. What comes for a tenant that is gone is dropped as it comes: an error would have the gate try for ever.
 */
export function closingSql(tables: readonly DeclaredTable[]): string[] {
  const left = tables
    .filter(endsWithTenant)
    .map(({ table }) => `exists (select from public.${table} t where t.tenant_id = old.id)`);
  return [
    `create or replace function ebb.tenants_closing() returns trigger language plpgsql security definer set search_path = '' as $$ begin if old.gate_emptied_at is null or (old.closed_at is not null and (${left.join(" or ")})) then raise exception 'something of this tenant is left' using errcode = '23503'; end if; return old; end $$`,
    "alter function ebb.tenants_closing() owner to ebb_maint",
    "create or replace trigger tenants_closing before delete on public.tenants for each row execute function ebb.tenants_closing()",
    "create or replace function ebb.tenants_late() returns trigger language plpgsql security definer set search_path = '' as $$ begin if exists (select from public.tenants t where t.id = new.tenant_id and t.expires_at > ebb.clock()) then return new; end if; return null; end $$",
    "alter function ebb.tenants_late() owner to ebb_maint",
    ...tables
      .filter(comesLate)
      .map(
        ({ table }) =>
          `create or replace trigger ${table}_late before insert on public.${table} for each row execute function ebb.tenants_late()`,
      ),
  ];
}
