/** Whose admissions a policy counts: everybody's in the tenant, or one caller's. `network` is of callers without any id. */
export const SCOPES = ["tenant", "instance", "key", "person", "client", "network"] as const;
export type Scope = (typeof SCOPES)[number];

/** Who is calling, as far as the credential tells: one id a scope. A policy whose scope is not named does not apply. */
export type Subjects = Partial<Record<Exclude<Scope, "tenant">, string>>;

/** At most `limit` admissions in any trailing window, or in a UTC calendar month. */
export interface Policy {
  /** Unique within a tenant; what the headers and a 429 call it. */
  readonly name: string;
  readonly scope: Scope;
  /** Whole admissions (or credits, where a call costs more than one). 0: this is closed. */
  readonly limit: number;
  /** Seconds, or a month that begins and ends in UTC. */
  readonly windowS: number | "month";
  /** What the tenant above allots, where that is less: it binds, and shows nowhere but as `upstream-limit`. */
  readonly allotted?: number;
}

/** The limit that binds. */
export function bindingLimit({ limit, allotted }: Pick<Policy, "limit" | "allotted">): number {
  return allotted === undefined ? limit : Math.min(limit, allotted);
}

/** The name under which those above see an allotment. */
export function allottedName(name: string): string {
  return `allotted-${name}`;
}

export const LARGEST_LIMIT = 10_000_000;
export const LONGEST_WINDOW_S = 31 * 24 * 3600;

/** Up to this limit every admission is counted at its millisecond; above it in buckets (`bucketed-log.ts`). */
export const LARGEST_EXACT_LIMIT = 100_000;

/** What a caller learns of a limit that lies above its tenant. */
export const UPSTREAM = "upstream-limit";

/** Throws a RangeError for anything but a whole number of admissions. */
export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError("limit is a whole number of admissions");
}

/** Throws a RangeError for a window that is nothing, or longer than 31 days. */
export function checkWindow(windowMs: number): void {
  if (!(windowMs > 0 && windowMs <= LONGEST_WINDOW_S * 1000)) throw new RangeError("window is at most 31 days");
}
