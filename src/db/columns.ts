import { customType } from "drizzle-orm/pg-core";
import { fromHex, toHex } from "../core/bytes.ts";
import { type Id, type IdKind, idFromUuid, uuidFromId } from "../core/id.ts";

/** A typed id, stored as a uuid: 16 bytes, and cheap to compare in a policy. */
export function idColumn<K extends IdKind>(kind: K) {
  return customType<{ data: Id<K>; driverData: string }>({
    dataType: () => "uuid",
    toDriver: (id) => uuidFromId(kind, id),
    fromDriver: (uuid) => idFromUuid(kind, uuid),
  })();
}

/** An instant in milliseconds since 1970, UTC; `Infinity` for one that has not come. Stored as timestamptz. */
export const instant = customType<{ data: number; driverData: string }>({
  dataType: () => "timestamp with time zone",
  toDriver: instantToSql,
  fromDriver: instantFromSql,
});

export const bytes = customType<{ data: Uint8Array; driverData: string | Uint8Array }>({
  dataType: () => "bytea",
  toDriver: (value) => `\\x${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`,
  fromDriver: (value) =>
    typeof value === "string"
      ? Uint8Array.from(value.slice(2).match(/../g) ?? [], (hex) => Number.parseInt(hex, 16))
      : value,
});

export function instantToSql(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return "infinity";
  return new Date(ms).toISOString();
}

/** Reads what Postgres prints for a timestamptz in a UTC session, with microseconds cut to milliseconds. */
export function instantFromSql(value: string | Date | number): number {
  if (typeof value === "number") return value;
  if (value instanceof Date) return value.getTime();
  if (value === "infinity") return Number.POSITIVE_INFINITY;
  return Date.parse(value.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
}

/** The same of a column that may be null. */
export function nullableInstantFromSql(value: unknown): number | null {
  return value === null ? null : instantFromSql(value as string | Date | number);
}

/** A bytea as a parameter of a statement written by hand. */
export function bytesToSql(value: Uint8Array): string {
  return `\\x${toHex(value)}`;
}

/** A bytea as the driver hands it out: bytes, or the text of Postgres. */
export function bytesFromSql(value: unknown): Uint8Array {
  return typeof value === "string" ? fromHex(value.slice(2)) : new Uint8Array(value as Uint8Array);
}
