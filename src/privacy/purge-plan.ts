import { anchorColumn, anonymisableRange, endsWithTenant, held, tenantColumn, varies } from "./conditions.ts";
import type { DeclaredTable } from "./inventory.ts";
import { type RetentionClass, SCHEDULE } from "./schedule.ts";

/**
 * The order in which the purge goes through a table: by expiry, and then by its key. Each has an index for it. The
 * partitions of a day go as a whole and have none: where a hold keeps one, by its key.
 */
function purgeOrder({ key, layout }: DeclaredTable): readonly string[] {
  if (layout.kind === "partitioned" && layout.by === "day") return key;
  return ["expires_at", ...key.filter((column) => column !== "expires_at")];
}

/** The order in which it goes through the rows of one tenant: the key of an event begins with that. */
function tenantOrder(table: DeclaredTable): readonly string[] {
  return table.layout.kind === "partitioned" && table.key[0] === "tenant_id" ? table.key : purgeOrder(table);
}

function anonymiseAfterOf(table: DeclaredTable): string | null {
  const { anonymiseAfter } = SCHEDULE[table.retention];
  return anonymiseAfter === null ? null : `${anonymiseAfter.count} ${anonymiseAfter.unit}s`;
}

/** The windows, in months, of the classes in which a tenant may have its own, and between which bounds. */
export function varyingFunction(tables: readonly DeclaredTable[]): string[] {
  const classes = [...new Set(tables.filter(varies).map(({ retention }) => retention))];
  const rows = classes.map((name) => {
    const { window, mayVary } = SCHEDULE[name] as RetentionClass;
    const bounds = mayVary === null ? [] : [window, mayVary.least, mayVary.greatest];
    if (bounds.some(({ unit }) => unit !== "month")) throw new TypeError(`${name} varies in other units than months`);
    return `('${name}', ${bounds.map(({ count }) => count).join(", ")})`;
  });
  return [
    `create or replace function ebb.varying(class text) returns table (kept integer, shortest integer, longest integer) language sql immutable set search_path = '' as $$ select v.kept, v.shortest, v.longest from (values ${rows.join(", ")}) as v (name, kept, shortest, longest) where v.name = class $$`,
    "alter function ebb.varying(text) owner to ebb_maint",
  ];
}

/** What the purge's functions know of each table, generated so that no caller can tell them otherwise. */
export function purgePlanFunction(tables: readonly DeclaredTable[]): string[] {
  const text = (value: string | null) => (value === null ? "null" : `'${value.replaceAll("'", "''")}'`);
  const rows = tables.map((table) => {
    const names = (columns: readonly string[]) => `array[${columns.map((column) => `'${column}'`).join(", ")}]`;
    return `(${[
      `'public.${table.table}'`,
      names(purgeOrder(table)),
      names(tenantOrder(table)),
      text(tenantColumn(table)),
      String(endsWithTenant(table)),
      text(varies(table) ? table.retention : null),
      text(varies(table) || anonymisableRange(table) !== null ? anchorColumn(table) : null),
      text(anonymisableRange(table)),
      text(anonymiseAfterOf(table)),
      text(held(table)),
    ].join(", ")})`;
  });
  const columns =
    "purged text, page_key text[], tenant_key text[], tenant text, ends_with_tenant boolean, varies text, anchor text, anonymise text, anonymise_after text, held text";
  return [
    `create or replace function ebb.purge_plan() returns table (${columns}) language sql immutable set search_path = '' as $$ select * from (values ${rows.join(", ")}) as plan (${columns.replaceAll(/ (text\[\]|text|boolean)/g, "")}) $$`,
    "alter function ebb.purge_plan() owner to ebb_maint",
  ];
}
