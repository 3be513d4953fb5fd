import { LARGEST_EXACT_LIMIT } from "../limits/policy.ts";
import { formatCount } from "./table.ts";
import { printable } from "./terminal.ts";

/** `60 s`, `1 h`, `24 h`, `7 d`; null is a calendar month. */
export function windowText(seconds: number | null): string {
  if (seconds === null) return "month";
  if (seconds > 86_400 && seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds > 0 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds > 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** How long, in the two largest units: `60 s`, `59 min 13 s`, `8 d 4 h`. A dash for null and for nothing. */
export function durationText(seconds: number | null): string {
  if (seconds === null || seconds <= 0) return "–";
  if (seconds <= 60) return `${seconds} s`;
  const at = UNITS.findIndex(([size]) => seconds >= size);
  let rest = seconds;
  const parts = UNITS.slice(at, at + 2).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count} ${unit}`;
  });
  return parts.filter(Boolean).join(" ");
}

/** `requests of the tenant`, `requests of one instance`. */
export function countsText(unit: string, scope: string): string {
  return `${unit} of ${scope === "tenant" ? "the tenant" : `one ${scope}`}`;
}

/** `12 (<1 %)`: full is 100 % and nothing less is. A dash where single callers count and none was named. */
export function usedText(used: number | null, limit: number): string {
  if (limit === 0) return "closed";
  if (used === null) return "–";
  const percent = Math.floor((100 * used) / limit);
  return used === 0 ? "0" : `${formatCount(used)} (${percent === 0 ? "<1" : percent} %)`;
}

/** Whether a limit is counted in buckets. Those of a month are one number, however large. */
export function isBucketed({ limit, window_s }: { limit: number; window_s: number | null }): boolean {
  return window_s !== null && limit > LARGEST_EXACT_LIMIT;
}

/** `2026-11-21 01:34:59`, UTC, of seconds since 1970: a refusal needs its second. */
export function momentText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** `Acme (tnt_…)`, or its id where the name is not known. */
export function tenantText({ id, name }: { id: string; name: string | null }): string {
  return printable(name === null ? id : `${name} (${id})`);
}
