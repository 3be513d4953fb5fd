import type { Reach } from "./declaration.ts";
import type { DeclaredTable } from "./inventory.ts";
import { intervalSql, SCHEDULE, type Window } from "./schedule.ts";

/**
 * What the inventory's words mean as SQL over a row: unexpired, due, held. Functions stand in a sub-select, so that they
 * run once a statement and not once a row.
 */
const CLOCK = "(select ebb.clock())";

/** Between two anchors a day apart, month ends may swap the order of their expiries by up to three days. */
const MONTH_END_SLACK = "interval '4 days'";

/** The column that names a row's tenant; null where it has none. */
export function tenantColumn(table: DeclaredTable): string | null {
  if (table.table === "tenants") return "id";
  return Object.hasOwn(table.columns, "tenant_id") ? "tenant_id" : null;
}

/** Whether the closing of its tenant ends a row, 30 days on. A tenant's own row has that in `expires_at`. */
export function endsWithTenant(table: DeclaredTable): boolean {
  return tenantColumn(table) === "tenant_id" && !SCHEDULE[table.retention].survivesClosing;
}

/** Whether a tenant may have a window of its own for a table's class. */
export function varies(table: DeclaredTable): boolean {
  return SCHEDULE[table.retention].mayVary !== null && tenantColumn(table) !== null;
}

/** The only column from which a row of a class with varying windows is kept. */
export function anchorColumn({ table, anchor }: DeclaredTable): string {
  const [column, ...more] = anchor.at === "column" ? anchor.columns : [anchor.column];
  if (more.length > 0) throw new TypeError(`${table} has several anchors`);
  return column;
}

/** Its tenant's account was closed more than 30 days ago. */
function gone(table: DeclaredTable): string | null {
  return endsWithTenant(table) ? "tenant_id = any ((select ebb.gone_tenants())::uuid[])" : null;
}

/** A window of its tenant's own that is shorter than the one it was stamped with has passed. */
function cut(table: DeclaredTable): string | null {
  if (!varies(table)) return null;
  const anchor = anchorColumn(table);
  // The bound is cheap and spares most rows the look into their tenant's windows; where there are none it is null.
  const bound = `${anchor} <= (select ebb.cut_bound('${table.retention}'))`;
  return `${bound} and ebb.cut_at((select ebb.kept_windows('${table.retention}')), ${tenantColumn(table)}, ${anchor}) <= ${CLOCK}`;
}

/** Neither expired, nor cut short. `closing`: nor gone with its tenant; who has entered a tenant has entered one that is not. */
function unexpired(table: DeclaredTable, closing: boolean): string {
  const ends = [closing ? gone(table) : null, cut(table)].filter((end) => end !== null);
  // Not in a sub-select: it is inlined to now(), which the planner can estimate, and so picks the index that it would pick
  // without a policy.
  return ["expires_at > ebb.clock()", ...ends.map((end) => `(${end}) is not true`)].join(" and ");
}

/** What must go: whichever of its ends came first. */
function due(table: DeclaredTable): string {
  const ends = [gone(table), cut(table)].filter((end) => end !== null);
  return [`expires_at <= ${CLOCK}`, ...ends.map((end) => `(${end}) is true`)].join(" or ");
}

/** Columns that a hold on a person or an instance looks at: whose row it is, and everybody else whom it names. */
function subjectColumns(table: DeclaredTable): string[] {
  const named = ["person_id", "instance_id", "actor_id", "subject_id"].filter((name) =>
    Object.hasOwn(table.columns, name),
  );
  return table.subject === "id" && table.table !== "tenants" ? ["id", ...named] : named;
}

/** A legal hold lies on the row: on all of its class, its tenant, its subject, or the one within the other. */
export function held(table: DeclaredTable): string | null {
  if (table.holds === "ignored") return null;
  const tenant = tenantColumn(table);
  const subjects = subjectColumns(table);
  const keys = [
    "'*'",
    ...(tenant === null ? [] : [`'t:' || ${tenant}`]),
    ...subjects.map((subject) => `'s:' || ${subject}`),
    // Who is held within a tenant is held wherever a row does not say which tenant's it is.
    ...subjects.map(
      (subject) => `${tenant === null ? "'*'" : `coalesce('t:' || ${tenant}, '*')`} || '/s:' || ${subject}`,
    ),
  ];
  const holds = `(select ebb.holds('${table.retention}'))`;
  return `${holds} is not null and ${holds} && array[${keys.join(", ")}]`;
}

function butNotHeld(condition: string, table: DeclaredTable): string {
  const hold = held(table);
  return hold === null ? condition : `(${condition}) and (${hold}) is not true`;
}

/** Its time to be anonymised has come, whether it is or not. */
function pastAnonymising(table: DeclaredTable, after: Window): string {
  return `ebb.expiry(${anchorColumn(table)}, ${intervalSql(after)}) <= ${CLOCK}`;
}

/** What a reach means: which tenant's rows, and until when. Null where it does not say. */
export function condition(reach: Reach, table: DeclaredTable): { tenant: string | null; time: string | null } {
  const { anonymiseAfter } = SCHEDULE[table.retention];
  switch (reach) {
    case "entered-tenant":
      return { tenant: "tenant_id = (select ebb.tenant())", time: unexpired(table, false) };
    case "entered-target":
      return { tenant: "tenant_id = (select ebb.target())", time: unexpired(table, false) };
    case "entered-subtree":
      return { tenant: "path @> array[(select ebb.target())]", time: unexpired(table, false) };
    case "members-of-entered-tenant":
      return {
        tenant: `exists (select from public.memberships m where m.person_id = ${table.table}.id and m.tenant_id = (select ebb.tenant()))`,
        time: unexpired(table, false),
      };
    case "unexpired":
      return { tenant: null, time: unexpired(table, true) };
    case "live":
      return { tenant: "removed_at is null", time: unexpired(table, true) };
    case "due":
      return { tenant: null, time: butNotHeld(due(table), table) };
    case "anonymisable":
      if (anonymiseAfter === null) throw new TypeError(`nothing of ${table.table} is anonymised`);
      return {
        tenant: null,
        time: butNotHeld(`anonymised_at is null and ${pastAnonymising(table, anonymiseAfter)}`, table),
      };
    case "due-or-past-anonymising":
      if (anonymiseAfter === null) throw new TypeError(`nothing of ${table.table} is anonymised`);
      return { tenant: null, time: butNotHeld(`${due(table)} or ${pastAnonymising(table, anonymiseAfter)}`, table) };
    case "all":
      return { tenant: null, time: null };
  }
}

/**
 * Where the purge looks for rows to anonymise, so that an index on `expires_at` finds them: what is anonymised after 14
 * of 26 months expires 12 months later, give or take a month's end.
 */
export function anonymisableRange(table: DeclaredTable): string | null {
  const { anonymiseAfter, window } = SCHEDULE[table.retention];
  if (anonymiseAfter === null) return null;
  if (anonymiseAfter.unit !== window.unit) throw new TypeError(`${table.table} counts in two units`);
  const rest = intervalSql({ unit: window.unit, count: window.count - anonymiseAfter.count });
  return `anonymised_at is null and expires_at <= ebb.expiry((select ebb.clock()), ${rest}) + ${MONTH_END_SLACK}`;
}
