import { asc, sql } from "drizzle-orm";
import type { Id } from "../core/id.ts";
import type { Reader } from "../db/app-database.ts";
import { retentionWindows } from "../db/schema.ts";
import { type Context, enter } from "../verb.ts";
import { type VariableClass, variableClasses } from "./variable-class.ts";

export interface OwnWindow {
  months: number;
  /** ms since 1970. */
  effectiveAt: number;
}

/** A class that may vary, and what the tenant has of its own: null, and the schedule's window holds. */
export interface TenantWindow extends VariableClass {
  current: OwnWindow | null;
  /** Longer than the current one: it waits until people can have been told. */
  pending: OwnWindow | null;
}

/** The tenant's own windows that hold now or will. */
export function ownWindowsOf(db: Reader) {
  const { retentionClass, months, effectiveAt } = retentionWindows;
  return db
    .select({ retentionClass, months, effectiveAt, isCurrent: sql<boolean>`effective_at <= ebb.clock()` })
    .from(retentionWindows)
    .where(
      sql`coalesce(superseded_at, 'infinity') > ebb.clock() and coalesce(superseded_at, 'infinity') > effective_at`,
    )
    .orderBy(asc(effectiveAt), asc(retentionWindows.id));
}

type OwnRow = Awaited<ReturnType<typeof ownWindowsOf>>[number];

export function windowsFrom(rows: readonly OwnRow[]): TenantWindow[] {
  return variableClasses().map((it) => {
    const own = rows.filter(({ retentionClass }) => retentionClass === it.name);
    const of = (current: boolean): OwnWindow | null => {
      const row = own.findLast(({ isCurrent }) => isCurrent === current);
      return row === undefined ? null : { months: row.months, effectiveAt: row.effectiveAt };
    };
    return { ...it, current: of(true), pending: of(false) };
  });
}

/**
 * The classes whose windows may vary, with what the tenant entered has of its own, now and to come. Throws `forbidden`
 * and `not-found`.
 */
export async function listWindows(context: Context): Promise<{ tenantId: Id<"tenant">; windows: TenantWindow[] }> {
  const { entered, results } = await enter(context, "retention:read", (db) => [ownWindowsOf(db)] as const);
  return { tenantId: entered.tenantId, windows: windowsFrom(results[0]) };
}
