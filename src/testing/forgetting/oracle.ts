import { endOf, type Micros } from "./calendar.ts";
import { AFTER_CLOSING, KEPT, OWN_WINDOW } from "./kept.ts";

/** What must be gone when: the promise once more, in plain code that shares nothing with what is under test. */

export interface Setting {
  id: string;
  months: number;
  effectiveAt: Micros;
  supersededAt: Micros | null;
}

export interface Tenant {
  id: string;
  gate: string;
  workspace: string;
  connection: string;
  closedAt: Micros | null;
  subscriptionEndedAt: Micros | null;
  /** Windows of its own for tool executions. */
  settings: readonly Setting[];
}

export interface Row {
  table: string;
  key: string;
  /** Null: it is no tenant's. */
  tenant: string | null;
  /** When it ends by its own table's windows; at the earliest of them. None: not yet. */
  ends: readonly Micros[];
  /** Of a tool execution in a tenant with windows of its own; its one end is then what it was stamped with. */
  anchor?: Micros;
  anonymisedAt?: Micros;
  /** Of an instance. */
  removed?: boolean;
  /** Of a membership. */
  person?: string;
  /** A person to whom a membership refers, and that membership: neither is deleted. */
  referred?: boolean;
}

const CLOSES = new Set(KEPT.filter(({ closes }) => closes).map(({ table }) => table));

/** Nobody may read it from now on, and the purge may delete it. */
export function isDue(row: Row, tenant: Tenant | undefined, now: Micros): boolean {
  if (row.ends.some((end) => end <= now)) return true;
  if (tenant === undefined) return false;
  if (CLOSES.has(row.table) && tenant.closedAt !== null && endOf(tenant.closedAt, AFTER_CLOSING) <= now) return true;
  return row.anchor !== undefined && ownEnds(row.anchor, tenant.settings, now).some((end) => end <= now);
}

/** Kept for the shortest of the windows that were in force when it was recorded, or have been since. */
export function ownEnds(anchor: Micros, settings: readonly Setting[], now: Micros): Micros[] {
  const known = settings.filter(({ effectiveAt, supersededAt }) => effectiveAt <= now && supersededAt !== effectiveAt);
  const lengths = known.flatMap(({ months, supersededAt }) =>
    supersededAt === null || anchor < supersededAt ? [months] : [],
  );
  if (known.length > 0 && known.every(({ effectiveAt }) => anchor < effectiveAt)) lengths.push(OWN_WINDOW.schedules);
  return lengths.map((months) => endOf(anchor, { months }));
}
