import type { Role } from "../privacy/declaration.ts";
import { FUNCTIONS } from "../privacy/functions.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

/**
 * A call, with nulls, of each function in schema `ebb` that is not declared to be a role's: one that is made tomorrow
 * included. What is declared is compared with a list by hand in drizzle/privileges.test.ts.
 */
export async function foreignCalls(database: Pick<ScratchDatabase, "as">, role: Role): Promise<string[]> {
  const own = Object.entries(FUNCTIONS).flatMap(([signature, roles]) => (roles.includes(role) ? [signature] : []));
  const rows = await database.as("owner").query(
    `select format('ebb.%I(%s)', p.proname, array_to_string(array(
              select 'null::' || format_type(t.type, null) from unnest(p.proargtypes) with ordinality as t (type, i) order by t.i), ', ')) as call
       from pg_proc p
      where p.pronamespace = 'ebb'::regnamespace and p.prorettype <> 'trigger'::regtype
        and p.oid not in (select to_regprocedure('ebb.' || s.signature) from unnest($1::text[]) as s (signature))
      order by 1`,
    [own],
  );
  return rows.map((row) => row["call"] as string);
}
