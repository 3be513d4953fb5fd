import type { Window } from "./calendar.ts";
import { KEPT, type Kept, OWN_WINDOW } from "./kept.ts";

/**
 * What must be gone at an instant as Postgres's own arithmetic says, in another formulation than that of `ebb.expiry`:
 * fixed windows by microseconds since 1970, months by comparing (month, day, time of day) with the instant's, where a day
 * that the month does not have counts as its last.
 */

/** The instant ($1) in the parts that are compared. */
const NOW = `
  with now as (
    select extract(epoch from $1::timestamptz) * 1000000 as us,
           extract(year from t) * 12 + extract(month from t) as month,
           extract(day from t) as day,
           t::time as time,
           extract(day from date_trunc('month', t) + interval '1 month' - interval '1 day') as last_day
      from (select $1::timestamptz at time zone 'UTC' as t) as instant
  )`;

const micros = (column: string) => `extract(epoch from ${column}) * 1000000`;

/** Null where the anchor has not happened. */
function passed(column: string, window: Window | string, per?: bigint): string {
  const floored =
    per === undefined
      ? column
      : `timestamptz 'epoch' + floor(${micros(column)} / ${per}) * ${per} * interval '1 microsecond'`;
  if (typeof window !== "string" && "micros" in window) {
    return `${per === undefined ? micros(column) : `floor(${micros(column)} / ${per}) * ${per}`} + ${window.micros} <= now.us`;
  }
  const count = typeof window === "string" ? window : String(window.months);
  const at = `(${floored}) at time zone 'UTC'`;
  const month = `extract(year from ${at}) * 12 + extract(month from ${at}) + ${count}`;
  return `case sign(${month} - now.month) when -1 then true when 1 then false when 0 then
            row(least(extract(day from ${at}), now.last_day), (${at})::time) <= row(now.day, now.time) end`;
}

/** A window of the tenant's own, in force since its beginning and when the row was recorded or later. */
const OWN = `exists (
  select from public.retention_windows w
   where w.tenant_id = t.tenant_id and w.retention_class = 'tool-execution-logs'
     and ${micros("w.effective_at")} <= now.us and w.effective_at is distinct from w.superseded_at
     and ((w.superseded_at is null or w.superseded_at > t.${OWN_WINDOW.anchor}) and ${passed(`t.${OWN_WINDOW.anchor}`, "w.months")}
       or ${passed(`t.${OWN_WINDOW.anchor}`, { months: OWN_WINDOW.schedules })} and not exists (
         select from public.retention_windows e
          where e.tenant_id = w.tenant_id and e.retention_class = w.retention_class and e.effective_at <= t.${OWN_WINDOW.anchor}
            and e.effective_at is distinct from e.superseded_at)))`;

function due({ table, ends, closes }: Kept): string {
  const own = table === OWN_WINDOW.table;
  return [
    ...(own
      ? [`${micros("t.expires_at")} <= now.us`, OWN]
      : ends.map(({ column, window, per }) => passed(`t.${column}`, window, per))),
    ...(closes
      ? [
          `exists (select from public.tenants c where c.id = t.tenant_id and ${passed("c.closed_at", { micros: 2_592_000_000_000n })})`,
        ]
      : []),
  ].join(" or ");
}

/** A statement of the owner's: keys of what is due at $1, by table. */
export const DUE = `${NOW} ${KEPT.map(
  (kept) =>
    `select '${kept.table}' as table, array(select t_key from (select ${kept.key.replace("minute", "t.minute")} as t_key, t.* from public.${kept.table} t) t, now where ${due(kept)}) as keys`,
).join(" union all ")}`;

/** And of what is to be anonymised. */
export const ANONYMISABLE = `${NOW} ${KEPT.flatMap(({ table, key, ends: [end], anonymisedAfter }) =>
  anonymisedAfter === undefined || end === undefined
    ? []
    : [
        `select '${table}' as table, array(select ${key} from public.${table} t, now where ${passed(`t.${end.column}`, anonymisedAfter)}) as keys`,
      ],
).join(" union all ")}`;
