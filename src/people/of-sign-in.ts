import type { UserCredential } from "../access/credential.ts";
import { type Id, idFromUuid, uuidFromId } from "../core/id.ts";
import type { Role } from "../core/permission.ts";
import { Problem } from "../core/problem.ts";
import type { AppDatabase } from "../db/app-database.ts";
import { instantFromSql, nullableInstantFromSql } from "../db/columns.ts";

/** A person, as the instance on which they have signed in may see them. */
export interface SignedInPerson {
  id: Id<"person">;
  email: string | null;
  name: string | null;
  /** What they are in the tenant whose instance it is. */
  role: Role;
  /** ms since 1970. */
  createdAt: number;
  updatedAt: number | null;
}

/**
 * Who has signed in, by a genuine access token, in one round trip. Throws `sign-in-ended` where the sign-in has ended or
 * the person belongs there no more, `tenant-suspended`, `tenant-closed`, `unavailable`.
 */
export async function personOfSignIn(
  app: AppDatabase,
  { familyId, personId, tenantId }: Pick<UserCredential, "familyId" | "personId" | "tenantId">,
): Promise<SignedInPerson> {
  const [row] = await app.lookUp("select * from ebb.person_of_sign_in($1, $2, $3)", [
    uuidFromId("tokenFamily", familyId),
    uuidFromId("person", personId),
    uuidFromId("tenant", tenantId),
  ]);
  if (row === undefined) throw new Problem("sign-in-ended");
  return {
    id: idFromUuid("person", row["id"] as string),
    email: row["email"] as string | null,
    name: row["name"] as string | null,
    role: row["role"] as Role,
    createdAt: instantFromSql(row["created_at"] as Date),
    updatedAt: nullableInstantFromSql(row["updated_at"]),
  };
}
