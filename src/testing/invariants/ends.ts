import { declaredTables } from "../../privacy/inventory.ts";
import { type RetentionClass, SCHEDULE } from "../../privacy/schedule.ts";
import type { Query } from "../app-session.ts";

/** When a row must be gone, as SQL over a row `t`, written for the invariants alone: no function of schema `ebb` is asked. */

export interface TableOf {
  name: string;
  columns: ReadonlySet<string>;
  /** SQL that tells a row from all others. */
  key: string;
  retention: string;
  /** Whether a hold keeps its rows, and the columns in which that looks for whom it is about. */
  holds: boolean;
  subjects: readonly string[];
  /** Gone 30 days after its tenant's account was closed. */
  closes: boolean;
  /** Kept for longer than the row of a tenant that ended, or by law beyond a closing. */
  outlives: boolean;
  /** Where tenants may have windows of their own: from which column these run, and the schedule's, in months. */
  varies: { anchor: string; months: number } | null;
  /** SQL: its time to be anonymised has come. */
  stale: (now: string) => string;
}

const COLUMNS = `
  select c.relname as table, array_agg(a.attname::text) as columns,
         (select string_agg(format('t.%I', k.attname), ', ' order by k.attnum)
            from pg_index i join pg_attribute k on k.attrelid = i.indrelid and k.attnum = any (i.indkey)
           where i.indrelid = c.oid and i.indisprimary) as key
    from pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and a.attnum > 0 and not a.attisdropped
   group by c.oid, c.relname`;

/** Tables that are both there and declared. */
export async function tablesOf(query: Query): Promise<Map<string, TableOf>> {
  const there = new Map((await query(COLUMNS)).map((row) => [row["table"] as string, row]));
  return new Map(
    declaredTables().flatMap((declared): [string, TableOf][] => {
      const row = there.get(declared.table);
      if (row === undefined) return [];
      const columns = new Set(row["columns"] as string[]);
      const kept: RetentionClass = SCHEDULE[declared.retention];
      const anchor = declared.anchor.at === "bucket" ? declared.anchor.column : declared.anchor.columns[0];
      const { anonymiseAfter } = kept;
      const named = ["person_id", "instance_id", "actor_id", "subject_id"].filter((column) => columns.has(column));
      return [
        [
          declared.table,
          {
            name: declared.table,
            columns,
            key: `row(${row["key"]})::text`,
            retention: declared.retention,
            holds: declared.holds === "honoured",
            subjects: declared.subject === "id" && declared.table !== "tenants" ? ["id", ...named] : named,
            closes: columns.has("tenant_id") && !kept.survivesClosing,
            outlives: kept.survivesClosing || kept.window.unit === "month",
            varies: kept.mayVary === null || !columns.has("tenant_id") ? null : { anchor, months: kept.window.count },
            stale: (now) =>
              anonymiseAfter === null ? "false" : `${later(`t.${anchor}`, String(anonymiseAfter.count))} <= ${now}`,
          },
        ],
      ];
    }),
  );
}

/** So many months after an instant, in UTC. */
const later = (column: string, months: string): string =>
  `((${column} at time zone 'UTC' + ${months} * interval '1 month') at time zone 'UTC')`;

/** The instant at which a row ends, as things are now: its own, its account's, or that of a window of its tenant's own. */
export function endOf(table: TableOf, now: string, row = "t"): string {
  const ends = [`${row}.expires_at`];
  if (table.closes) {
    ends.push(`(select c.closed_at + interval '720 hours' from public.tenants c where c.id = ${row}.tenant_id)`);
  }
  if (table.varies !== null) {
    const anchor = `${row}.${table.varies.anchor}`;
    const known = `w.tenant_id = ${row}.tenant_id and w.retention_class = '${table.retention}' and w.effective_at <= ${now} and w.expires_at > ${now} and w.superseded_at is distinct from w.effective_at`;
    ends.push(
      `(select min(${later(anchor, "w.months")}) from public.retention_windows w where ${known} and (w.superseded_at is null or ${anchor} < w.superseded_at))`,
      `(select ${later(anchor, String(table.varies.months))} from public.retention_windows w where ${known} having ${anchor} < min(w.effective_at))`,
    );
  }
  return `least(${ends.join(", ")})`;
}

/** Whether a row `t` has ended. */
export const isPast = (table: TableOf, now: string): string => `${endOf(table, now)} <= ${now}`;

/** Whether a legal hold lies on a row `t`. */
export function heldBy({ name, columns, retention, holds, subjects }: TableOf, now: string): string {
  if (!holds) return "false";
  const tenant = name === "tenants" ? "t.id" : columns.has("tenant_id") ? "t.tenant_id" : "null";
  const whom = subjects.map((column) => `t.${column}`).join(", ");
  const open = `(h.closed_at is null or h.closed_at > ${now})`;
  // Asked once whether there is any, and not of every row.
  return `(exists (select from public.legal_holds h where ${open}) and exists (select from public.legal_holds h
    where ${open} and (h.retention_class is null or h.retention_class = '${retention}')
      and (h.tenant_id is null or h.tenant_id = ${tenant})
      and (h.subject_id is null or h.subject_id in (${whom === "" ? "null" : whom}))))`;
}
