import { toHex } from "../core/bytes.ts";
import { type Id, idFromUuid } from "../core/id.ts";
import type { Role } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import type { AppDatabase } from "../db/app-database.ts";
import { instantFromSql, nullableInstantFromSql } from "../db/columns.ts";

/** Who asks in person, or with a token. */
export interface AskingPerson {
  id: Id<"person">;
  /** The same as a uuid, by which gates count. */
  uuid: string;
  email: string | null;
  name: string | null;
  /** ms since 1970. */
  createdAt: number;
  /** When the provider last told something else of them; null for never. */
  updatedAt: number | null;
  /** The gate of the oldest membership, which counts what is asked without a tenant; null without any. */
  gateId: string | null;
  /** Where the person belongs, oldest first; none where a token asks, which is for one tenant. */
  memberships: { tenantId: Id<"tenant">; role: Role }[];
}

/**
 * The person behind a session or a personal access token, by the SHA-256 of its secret, in one round trip. Throws
 * `unauthenticated` for an unknown one, `key-revoked` for one that has ended, `unavailable`.
 */
export async function askingPerson(app: AppDatabase, hash: Uint8Array): Promise<AskingPerson> {
  const [row] = await app.lookUp("select * from ebb.asking_person($1)", [`\\x${toHex(hash)}`]);
  if (row === undefined) throw new Problem("unauthenticated");
  const memberships = row["memberships"] as { tenant_id: string; role: Role }[];
  return {
    id: idFromUuid("person", row["person_id"] as string),
    uuid: row["person_id"] as string,
    email: row["email"] as string | null,
    name: row["name"] as string | null,
    createdAt: instantFromSql(row["created_at"] as Date),
    updatedAt: nullableInstantFromSql(row["updated_at"]),
    gateId: row["gate_id"] as string | null,
    memberships: memberships.map(({ tenant_id, role }) => ({ tenantId: idFromUuid("tenant", tenant_id), role })),
  };
}
