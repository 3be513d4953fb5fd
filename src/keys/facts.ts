import { toHex } from "../core/bytes.ts";
import { type Id, idFromUuid } from "../core/id.ts";
import { effectivePermissions, type Role } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import type { AppDatabase } from "../db/app-database.ts";
import { instantFromSql, nullableInstantFromSql } from "../db/columns.ts";

/** What the edge knows of a live key or token; no secret, and nothing of its person but an id. Times in ms since 1970. */
export interface KeyFacts {
  kind: "api-key" | "personal-access-token";
  id: Id<"credential">;
  tenantId: Id<"tenant">;
  /** Whose token it is, or who made the key. */
  personId: Id<"person"> | null;
  /** What that person is in the tenant. */
  role: Role | "none" | null;
  name: string;
  /** As they are now: never more than the person's role allows. */
  permissions: string[];
  /** Null: from everywhere. */
  allowedNetworks: string[] | null;
  allowedOrigins: string[] | null;
  callsPerHour: number | null;
  /** Countries from which it was used, ISO 3166-1. */
  places: string[];
  createdAt: number;
  validUntil: number | null;
}

/**
 * Looks a key up by its hash, in one round trip; the database writes down the hour and, where it is a new one for the
 * key, the country. Throws `unauthenticated`, `key-expired`, `key-revoked`, `tenant-suspended`, `tenant-closed`,
 * `unavailable`.
 */
export async function lookUpKey(
  app: AppDatabase,
  hash: Uint8Array,
  { country, requestId }: { country: string | null; requestId: string },
): Promise<KeyFacts> {
  const [row] = await app.lookUp("select * from ebb.look_up_key($1, $2, $3)", [
    `\\x${toHex(hash)}`,
    country,
    requestId,
  ]);
  if (row === undefined) throw new Problem("unauthenticated");
  const role = row["role"] as KeyFacts["role"];
  return {
    kind: row["kind"] as KeyFacts["kind"],
    id: idFromUuid("credential", row["id"] as string),
    tenantId: idFromUuid("tenant", row["tenant_id"] as string),
    personId: row["person_id"] === null ? null : idFromUuid("person", row["person_id"] as string),
    role,
    name: row["name"] as string,
    permissions: effectivePermissions(row["permissions"] as string[], role),
    allowedNetworks: row["allowed_networks"] as string[] | null,
    allowedOrigins: row["allowed_origins"] as string[] | null,
    callsPerHour: row["calls_per_hour"] as number | null,
    places: row["places"] as string[],
    createdAt: instantFromSql(row["created_at"] as Date),
    validUntil: nullableInstantFromSql(row["valid_until"]),
  };
}
