/**
 * Instants and windows from first principles, for the oracle of a test: whole microseconds since 1970 in UTC, days counted
 * from the civil calendar, no `Date`, and nothing of what is under test.
 */
export type Micros = bigint;

export const SECOND = 1_000_000n;
export const MINUTE = 60n * SECOND;
export const HOUR = 60n * MINUTE;
export const DAY = 24n * HOUR;

export type Window = { micros: bigint } | { months: number };
export const minutes = (count: number): Window => ({ micros: BigInt(count) * MINUTE });
export const hours = (count: number): Window => ({ micros: BigInt(count) * HOUR });
export const days = (count: number): Window => ({ micros: BigInt(count) * DAY });
export const months = (count: number): Window => ({ months: count });

const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const daysInYear = (year: number) => (isLeap(year) ? 366 : 365);
/** `month` counts from 0. */
export const daysInMonth = (year: number, month: number) =>
  (LENGTHS[month] ?? 0) + (month === 1 && isLeap(year) ? 1 : 0);

/** The first day of a year, counted from 1 January 1970: how many years and leap days lie before it. */
function firstDayOf(year: number): number {
  const leapDaysBefore = (y: number) => Math.floor((y - 1) / 4) - Math.floor((y - 1) / 100) + Math.floor((y - 1) / 400);
  return 365 * (year - 1970) + leapDaysBefore(year) - leapDaysBefore(1970);
}

/** A day of the civil calendar, counted from 1 January 1970; `month` from 0, `day` from 1. */
export function dayNumber(year: number, month: number, day: number): number {
  let before = firstDayOf(year);
  for (let m = 0; m < month; m += 1) before += daysInMonth(year, m);
  return before + day - 1;
}

export interface Civil {
  year: number;
  /** From 0. */
  month: number;
  /** From 1. */
  day: number;
  /** Microseconds since midnight. */
  ofDay: bigint;
}

export const floorTo = (at: Micros, unit: bigint): Micros => at - (((at % unit) + unit) % unit);

export function civil(at: Micros): Civil {
  const midnight = floorTo(at, DAY);
  const number = Number(midnight / DAY);
  let year = 1970 + Math.floor(number / 366);
  while (number - firstDayOf(year) >= daysInYear(year)) year += 1;
  let rest = number - firstDayOf(year);
  let month = 0;
  while (rest >= daysInMonth(year, month)) {
    rest -= daysInMonth(year, month);
    month += 1;
  }
  return { year, month, day: rest + 1, ofDay: at - midnight };
}

export const instant = ({ year, month, day, ofDay }: Civil): Micros =>
  BigInt(dayNumber(year, month, day)) * DAY + ofDay;

/** The same day and time of another month, or the last day of it where it has no such day. */
export function shiftMonths(at: Micros, count: number): Micros {
  const from = civil(at);
  const index = from.year * 12 + from.month + count;
  const [year, month] = [Math.floor(index / 12), ((index % 12) + 12) % 12];
  return instant({ year, month, day: Math.min(from.day, daysInMonth(year, month)), ofDay: from.ofDay });
}

export function endOf(anchor: Micros, window: Window): Micros {
  return "micros" in window ? anchor + window.micros : shiftMonths(anchor, window.months);
}

/** As Postgres reads it, to the microsecond: `2024-02-29T23:59:59.999999Z`. */
export function sqlInstant(at: Micros): string {
  const { year, month, day, ofDay } = civil(at);
  const digits = (value: number | bigint, length: number) => String(value).padStart(length, "0");
  const [hour, minute, second] = [ofDay / HOUR, (ofDay % HOUR) / MINUTE, (ofDay % MINUTE) / SECOND];
  const date = `${digits(year, 4)}-${digits(month + 1, 2)}-${digits(day, 2)}`;
  return `${date}T${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}.${digits(ofDay % SECOND, 6)}Z`;
}

/** A small generator of numbers that a seed repeats (mulberry32). */
export interface Random {
  /** From 0 to below `count`. */
  below(count: number): number;
  pick<T>(values: readonly T[]): T;
  chance(probability: number): boolean;
  uuid(): string;
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (count: number) => Math.floor(next() * count);
  const hex = (length: number) => Array.from({ length }, () => below(16).toString(16)).join("");
  return {
    below,
    pick: <T>(values: readonly T[]) => values[below(values.length)] as T,
    chance: (probability) => next() < probability,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  };
}
